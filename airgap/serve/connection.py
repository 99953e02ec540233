"""Connection: one client's requests, one after the other."""

from collections.abc import Callable
from http import HTTPStatus

from airgap.errors import InputError
from airgap.progress import Progress
from airgap.serve.answer import Answer, Part, Refusal
from airgap.serve.clients import Client
from airgap.serve.head import Head, parse
from airgap.serve.line import Line
from airgap.serve.sending import Sender
from airgap.serve.troubles import Troubles


class Connection:
    """Answers what one client asks, until it leaves.

    Args:
        line: the connection.
        address: the client's, for the log.
        answering: makes the answer to a request; see `airgap.serve.routes.Routes.answer`.
        sender: sends blobs.
        troubles: hears of what is no client's fault.
        progress: is told each request with ``-v``.
    """

    def __init__(
        self,
        line: Line,
        address: str,
        answering: Callable[[Head], Answer],
        sender: Sender,
        troubles: Troubles,
        progress: Progress,
    ) -> None:
        self._line, self._address, self._answering = line, address, answering
        self._sender, self._troubles, self._progress = sender, troubles, progress

    def serve(self, client: Client) -> None:
        """Answer until the client leaves, or is let go.

        Raises:
            OSError: the connection broke.
        """
        while client.idle():
            try:
                data = self._line.read_head()
                if not data or not client.busy():
                    return
                head = parse(data)
            except Refusal as refusal:
                client.busy()
                self._tell("a request", refusal.answer)
                self._line.write(refusal.answer.head("close") + _body(refusal.answer))
                self._line.drain()
                return
            if not self._exchange(head):
                return

    def _exchange(self, head: Head) -> bool:
        """Answer one request; tell whether another may follow."""
        answer = self._answer(head)
        self._tell(f"{head.method} {head.path}", answer)
        begun = self._line.sent
        try:
            self._send(head, answer)
        except OSError:
            raise  # the client has left
        except Exception as error:
            self._troubles.tell(error)
            if self._line.sent > begun:
                return False  # breaking off is the only way left to say that it is wrong
            answer = _failed(error)
            self._send(head, answer)
        if answer.close:
            self._line.drain()
        return head.keeps and not answer.close

    def _answer(self, head: Head) -> Answer:
        try:
            return self._answering(head)
        except Refusal as refusal:
            return refusal.answer
        except Exception as error:
            self._troubles.tell(error)
            return _failed(error)

    def _send(self, head: Head, answer: Answer) -> None:
        connection = "" if head.version else "keep-alive"
        text = answer.head(connection if head.keeps and not answer.close else "close")
        if head.method == "HEAD":
            self._line.write(text)
        elif isinstance(answer.body, Part):
            self._sender.send(self._line, text, answer.body)
        else:
            self._line.write(text + answer.body)

    def _tell(self, what: str, answer: Answer) -> None:
        self._progress.detail(f"{self._address} {what} {answer.status} {answer.length}")


def _failed(error: Exception) -> Answer:
    """Tell a client that it is not its fault; the details are for who runs the server."""
    message = "the content is damaged" if isinstance(error, InputError) else "the server failed"
    return Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "UNKNOWN", message).answer


def _body(answer: Answer) -> bytes:
    return answer.body if isinstance(answer.body, bytes) else b""
