-- Leases the next piece of work. KEYS: leases, tries, then a queue per kind of
-- work. ARGV: how long in ms, then the names of the queues.
-- Returns { queue, id, lease, tries }, or nothing. A lease is known by when it
-- ends: by the server's clock, the one that all hosts share.
local leases, tries = KEYS[1], KEYS[2]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function take(queue, name, id)
	local member = name .. ':' .. id
	redis.call('ZREM', queue, id)
	local ends = string.format('%.0f', now + ARGV[1])
	redis.call('ZADD', leases, ends, member)
	return { name, id, ends, tonumber(redis.call('HGET', tries, member)) or 0 }
end

-- What is in hand is passed over, and so is what failed, until its time comes.
local function oldest_free(queue, name)
	local from = 0
	while true do
		local ids = redis.call('ZRANGE', queue, from, from + 99)
		for _, id in ipairs(ids) do
			local ends = redis.call('ZSCORE', leases, name .. ':' .. id)
			if not ends or tonumber(ends) <= now then return id end
		end
		if #ids < 100 then return end
		from = from + 100
	end
end

local function left_behind()
	local member = redis.call('ZRANGEBYSCORE', leases, '-inf', now, 'LIMIT', 0, 1)[1]
	if not member then return end
	local name, id = string.match(member, '^(%l+):(.*)$')
	for i = 3, #KEYS do
		if ARGV[i - 1] == name then return take(KEYS[i], name, id) end
	end
	redis.call('ZREM', leases, member)
end

for i = 3, #KEYS do
	local name = ARGV[i - 1]
	local id = oldest_free(KEYS[i], name)
	if id then return take(KEYS[i], name, id) end
	local left = i == 3 and left_behind()
	if left then return left end
end
