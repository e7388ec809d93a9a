"""What all web servers of the tests have in common."""


class WebServer:
    """`directory` and `process` are the subclass's."""

    @property
    def errors(self):
        return (self.directory / "error.log").read_text(errors="replace")

    def stop(self):
        self.process.terminate()
