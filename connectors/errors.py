"""The one root error of feeds: a whole that cannot be read; a bad row is a Failure and never raised."""


class FeedError(Exception):
    """Say that a whole feed, file or push cannot be read, with a code and both sentences.

    `status` is the HTTP status a server answers with. No value of the feed stands in it.
    """

    def __init__(self, code: str, *, zh: str, en: str, status: int = 422) -> None:
        super().__init__(f"{code}: {en}")
        self.code = code
        self.zh = zh
        self.en = en
        self.status = status
