"""What a refused request must not leave behind: a write at Stripe, a change in Redis, a secret said."""
import fnmatch
import re

# A line for every field of a hash, and for when its key expires. One text, and not a
# list of thousands, since each cell takes two.
DUMP = """
local lines = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  if redis.call('TYPE', key).ok == 'hash' then
    local fields = redis.call('HGETALL', key)
    for i = 1, #fields, 2 do
      lines[#lines + 1] = key .. ' ' .. fields[i] .. '\\t' .. fields[i + 1]
    end
  else
    lines[#lines + 1] = key .. ' is\\t' .. redis.sha1hex(redis.call('DUMP', key))
  end
  lines[#lines + 1] = key .. ' until\\t' .. tostring(redis.call('PEXPIRETIME', key))
end
table.sort(lines)
return table.concat(lines, '\\n')
"""
SITE = "tollgate:{shop}:"
TOKEN = re.compile(rb"eyJ[\w-]+\.[\w-]+\.[\w-]*")


def by_name(state):
    return dict(line.split("\t", 1) for line in state.split("\n") if line)


class Evidence:
    """Begun before a request; tells what came of it since."""

    def __init__(self, stack):
        self.stack = stack
        self.state = stack.redis.client().register_script(DUMP)
        self.logs = {name: responder.log_path for name, responder in stack.responders.items()}
        self.before, self.ends = "", {}

    def begin(self):
        self.stack.sandbox.control("DELETE", "requests")
        self.ends = {name: path.stat().st_size for name, path in self.logs.items()}
        self.before = self.state()

    def writes(self):
        """"POST /v1/customers" of all that could change something at Stripe."""
        return [f"{r['method']} {r['path']}" for r in self.stack.sandbox.requests() if r["method"] != "GET"]

    def changes(self, but_for=()):
        """What is no longer as it was, but for what matches one of these patterns."""
        after = self.state()
        if after == self.before:
            return []
        was, is_now = by_name(self.before), by_name(after)
        changed = [name.removeprefix(SITE) for name in sorted(was.keys() | is_now.keys())
                   if was.get(name) != is_now.get(name)]
        return [name for name in changed if not any(fnmatch.fnmatchcase(name, pattern) for pattern in but_for)]

    def said(self):
        """What the programs have logged since."""
        texts = []
        for name, path in self.logs.items():
            with open(path, "rb") as log:
                log.seek(self.ends[name])
                texts.append(log.read().decode(errors="replace"))
        return "".join(texts)


def tokens_of(data):
    """The identity tokens in a request."""
    return [token.decode() for token in TOKEN.findall(data)]
