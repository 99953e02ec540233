"""chart: Helm charts as OCI artifacts.

packed      the .tgz and its Chart.yaml
metadata    Chart.yaml as the JSON that helm writes
repository  a repository with an index.yaml
content     a chart as a Store
"""
