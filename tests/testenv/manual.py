"""What the man pages promise, as data for tests."""
import re

from . import places


def page(name):
    return (places.TOP / "man" / name).read_text()


def section(name, title):
    return page(name).split(f".Sh {title}\n")[1].split("\n.Sh ")[0]


def access_control():
    """{program: its line for Redis' aclfile} of tollgate-redis(7)."""
    return dict(re.findall(r"^(?=user tollgate-(\w+) )(user .*)$",
                           section("tollgate-redis.7", "ACCESS CONTROL"), re.MULTILINE))


def operator_users():
    """The lines for Redis' aclfile of tollgate-redis(7) for who runs it, and for who has not logged in."""
    return re.findall(r"^user (?:admin|default) .*$", section("tollgate-redis.7", "ACCESS CONTROL"), re.MULTILINE)


def site_user(site):
    """The line for Redis' aclfile of tollgate-redis(7) that keeps this site from others."""
    line = re.search(r"^user shop .*$", section("tollgate-redis.7", "ACCESS CONTROL"), re.MULTILINE)[0]
    return line.replace("user shop ", f"user {site} ").replace("{shop}", "{%s}" % site).replace("SHOP-", f"{site}-")


def instance_upstreams(site):
    """The expressions for sed of tollgate-nginx(7) that make a site's own upstreams."""
    return [expression.replace("shop", site) for expression in
            re.findall(r"-e '(.*?)'", section("tollgate-nginx.7", "MANY SITES"))]


def apache_instance(site, port):
    """What tollgate-apache(7) has for a site's own programs: in the server, and in the virtual host."""
    text = section("tollgate-apache.7", "PROGRAMS OF ONE SITE ALONE")
    uses = re.findall(r"^Use Tollgate(?:Programs|Instance) shop.*$", text, re.MULTILINE)
    return [use.replace("shop", site).replace("941", str(port)) for use in uses]


def redis_kinds():
    """The kinds of keys of a site."""
    return sorted(set(re.findall(r"^\.It Ic (\w+)", section("tollgate-redis.7", "KEYS"), re.MULTILINE)))


def restricted_keys():
    """{program: {resource: "Read" or "Write"}} of tollgate(8)."""
    text = section("tollgate.8", "RESTRICTED KEYS")
    return {program: dict(re.findall(r"^([\w ]+): (Read|Write);?$", entry, re.MULTILINE))
            for program, entry in re.findall(r"^\.It Nm tollgate-(\w+)\n((?:[\w ]+: \w+;?\n)+)", text, re.MULTILINE)}


def situations():
    """{situation: (gate, webhook, checkout)} of tollgate-redis(7)."""
    table = section("tollgate-redis.7", "WHEN SOMETHING FAILS").split(".Bl -column")[1].split(".El")[0]
    rows = [line[len(".It "):].split(" Ta ") for line in table.splitlines() if line.startswith(".It ")]
    return {situation: tuple(cells) for situation, *cells in rows[1:]}
