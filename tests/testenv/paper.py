"""Configuration out of our papers, run as it stands there: only what belongs to the machine is changed."""
import re

from . import apache, nginx, places

OURS = {line for text in (nginx.SERVER, apache.SERVER) for line in text.splitlines() if "nclude " in line}
MACHINES = re.compile(r"\s*(listen|server_name|root|ServerName|DocumentRoot|SSL\w+) ")


def fenced(paper, kind=""):
    """The blocks of a Markdown paper that are marked as this kind, or not at all."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", (places.TOP / paper).read_text(), re.MULTILINE | re.DOTALL)
    return [text for marked, text in blocks if marked == kind]


def literals(page):
    """The literal blocks of a man page, as they are displayed."""
    text = (places.TOP / "man" / page).read_text()
    blocks = re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed", text, re.MULTILINE | re.DOTALL)
    return [block.replace("\\e", "\\") for block in blocks]


def that_has(blocks, text):
    """The only one of them with this text."""
    [block] = [block for block in blocks if text in block]
    return block


def inside_server(text):
    """What stands in the server block or virtual host, without what testenv gives to each of them."""
    inside = re.search(r"(?:server \{|<VirtualHost [^>]*>)\n(.*)(?:\}|</VirtualHost>)", text, re.DOTALL)[1]
    return "\n".join(line for line in inside.splitlines()
                     if line.strip() not in OURS and not MACHINES.match(line))
