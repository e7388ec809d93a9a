"""Calendar arithmetic on unix time, in UTC, as billing periods need it."""
import calendar
import datetime

SECONDS = {"day": 86400, "week": 7 * 86400}
MONTHS = {"month": 1, "year": 12}


def add(start, interval, count):
    """start plus count intervals; the 31st becomes the last day of a shorter month."""
    if interval in SECONDS:
        return start + SECONDS[interval] * count
    date = datetime.datetime.fromtimestamp(start, datetime.timezone.utc)
    index = date.year * 12 + date.month - 1 + MONTHS[interval] * count
    year, month = divmod(index, 12)
    day = min(date.day, calendar.monthrange(year, month + 1)[1])
    return int(date.replace(year=year, month=month + 1, day=day).timestamp())


def next_boundary(anchor, interval, count, after):
    """The first anchor + n intervals that is later than this time."""
    turn = 0 if anchor > after else estimate(anchor, interval, count, after)
    while add(anchor, interval, count * turn) <= after:
        turn += 1
    return add(anchor, interval, count * turn)


def estimate(anchor, interval, count, after):
    longest = SECONDS.get(interval) or MONTHS[interval] * 31 * 86400
    return max(0, (after - anchor) // (longest * count))
