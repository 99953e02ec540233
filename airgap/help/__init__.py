"""help: the documentation, readable where there is no internet and no checkout.

pages   the pages themselves, which are docs/ of the checkout and travel with the package
text    a page as plain text of a given width
search  pages found by the words of an error
"""
