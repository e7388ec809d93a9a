-- What is new in the stream of notices goes into lanes, one of each customer;
-- then the lane that has been due longest is handed out, and held for a while.
-- KEYS: notices, delivery, delivery_due, counters, and what the name of each
-- lane begins with. ARGV: now, seconds to hold a lane, age to which notices are
-- brought. Returns lost, due, lane, notice, attempts; only the first two when no
-- lane is due, with due -1 when there is none.
local notices_key, delivery_key, due_key, counters_key, lane_prefix = unpack(KEYS)
local now, hold, age_max = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])

local BATCH = 200

-- Ids of the stream are times of this server's clock.
local function oldest()
	return (tonumber(redis.call('TIME')[1]) - age_max) * 1000
end

local function begin_at()
	local cursor = redis.call('HGET', delivery_key, 'cursor')
	if cursor and tonumber(string.match(cursor, '^%d+')) >= oldest() then return '(' .. cursor end
	return string.format('%.0f', oldest())
end

local function put_into_lane(id, flat)
	local notice = {}
	for i = 1, #flat, 2 do notice[flat[i]] = flat[i + 1] end
	local lane = notice.customer or ''
	notice.created, notice.since = tonumber(notice.created), now
	redis.call('RPUSH', lane_prefix .. lane, cjson.encode(notice))
	redis.call('ZADD', due_key, 'NX', now, lane)
	redis.call('HSET', delivery_key, 'cursor', id)
end

-- How many were ever added, or nil before Redis 7, which is when they are not counted.
local function added()
	local facts = redis.call('XINFO', 'STREAM', notices_key)
	for i = 1, #facts, 2 do
		if facts[i] == 'entries-added' then return facts[i + 1] end
	end
end

-- What was added and is not among those taken was trimmed, or is too old.
local function count(n_new)
	local before = tonumber(redis.call('HGET', delivery_key, 'taken'))
	local all = n_new < BATCH and added() or before and before + n_new
	if all then redis.call('HSET', delivery_key, 'taken', all) end
	return before and all and math.max(0, all - before - n_new) or 0
end

local function take_over()
	local entries = redis.call('XRANGE', notices_key, begin_at(), '+', 'COUNT', BATCH)
	for _, entry in ipairs(entries) do put_into_lane(entry[1], entry[2]) end
	local lost = #entries > 0 and count(#entries) or 0
	if lost > 0 then redis.call('HINCRBY', counters_key, 'notices_lost', lost) end
	return lost
end

local lost = take_over()
while true do
	local lane, due = unpack(redis.call('ZRANGE', due_key, 0, 0, 'WITHSCORES'))
	if not lane then return { lost, -1 } end
	if tonumber(due) > now then return { lost, tonumber(due) } end
	local notice = redis.call('LINDEX', lane_prefix .. lane, 0)
	if notice then
		redis.call('ZADD', due_key, now + hold, lane)
		return { lost, now, lane, notice,
			tonumber(redis.call('HGET', delivery_key, 'attempts:' .. lane) or 0) }
	end
	-- somebody has deleted the lane, to be rid of what it held
	redis.call('ZREM', due_key, lane)
	redis.call('HDEL', delivery_key, 'attempts:' .. lane)
end
