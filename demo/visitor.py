"""A browser for the check: plain HTTP, cookies, forms; no scripts, no redirect
followed unasked."""
import html.parser
import http.cookiejar
import urllib.error
import urllib.parse
import urllib.request


class Forms(html.parser.HTMLParser):
    """The forms of a page, with their inputs and buttons."""

    def __init__(self, text):
        super().__init__()
        self.forms = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag == "form":
            self.forms.append({"method": given.get("method", "get"), "action": given.get("action", ""),
                               "fields": {}, "buttons": []})
        elif tag == "input" and self.forms and given.get("name") and is_sent(given):
            self.forms[-1]["fields"][given["name"]] = given.get("value", "")
        elif tag == "button" and self.forms:
            self.forms[-1]["buttons"].append(given)


def is_sent(given):
    """Of radio buttons and check boxes, those that are checked."""
    return given.get("type") not in ("radio", "checkbox") or "checked" in given


class KeepRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class Answer:
    def __init__(self, url, status, headers, body):
        self.url, self.status, self.headers, self.text = url, status, headers, body.decode("utf-8", "replace")

    @property
    def location(self):
        return urllib.parse.urljoin(self.url, self.headers.get("Location", ""))

    @property
    def summary(self):
        return "%d to %s" % (self.status, self.location) if "Location" in self.headers else str(self.status)


class Visitor:
    def __init__(self, origin):
        self.origin = origin
        self.opener = urllib.request.build_opener(
            KeepRedirects, urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))

    def get(self, url):
        return self.send(urllib.request.Request(urllib.parse.urljoin(self.origin, url)))

    def post(self, url, fields):
        """As a browser sends a form of the page it is on: with that page's Origin."""
        url = urllib.parse.urljoin(self.origin, url)
        origin = "%s://%s" % urllib.parse.urlsplit(url)[:2]
        return self.send(urllib.request.Request(
            url, urllib.parse.urlencode(fields).encode(), {"Origin": origin, "Accept": "text/html"}))

    def press(self, page, button, **fields):
        """Fills the form that has the button of this id, and sends it."""
        for form in Forms(page.text).forms:
            for given in form["buttons"]:
                if given.get("id") == button:
                    named = {given["name"]: given.get("value", "")} if given.get("name") else {}
                    return self.submit(page, form, {**form["fields"], **fields, **named})
        raise AssertionError("%s has no button %s" % (page.url, button))

    def submit(self, page, form, fields):
        action = urllib.parse.urljoin(page.url, form["action"])
        if form["method"] == "post":
            return self.post(action, fields)
        return self.get(action + "?" + urllib.parse.urlencode(fields))

    def follow(self, answer):
        while answer.status in (302, 303):
            answer = self.get(answer.location)
        return answer

    def send(self, request):
        try:
            with self.opener.open(request, timeout=40) as answer:
                return Answer(request.full_url, answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as answer:
            with answer:
                return Answer(request.full_url, answer.code, answer.headers, answer.read())
