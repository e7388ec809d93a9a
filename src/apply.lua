-- One event, or one reading of a customer, against what is stored.
-- KEYS: event, customer, dirty, notices, counters, user, invoices, renewals. ARGV[1]: the change,
-- as store_apply.c encodes it. Returns applied, same, seen, stale or moved.
-- Everything is compared before anything is written, and the event counts as
-- seen last, so that an error on the way loses nothing.
local event_key, customer_key, dirty_key, notices_key, counters_key, user_key, invoices_key,
	renewals_key = unpack(KEYS)
local change = cjson.decode(ARGV[1])

local INCOMPLETE, LIVING, FINAL = 0, 1, 2
local TRUSTED = 600 -- an event older than this does not begin a record
local NEAR = 60     -- so close together, events may have overtaken each other
local KEEP = 32 * 86400
local ENDED = 30    -- so many of a customer's that have ended are kept
local RECENT = 3600

local function finish(outcome)
	if change.event then redis.call('HINCRBY', counters_key, outcome, 1) end
	return outcome
end

if change.event and redis.call('EXISTS', event_key) == 1 then return finish('seen') end

local function read_hash(key)
	local fields, flat = {}, redis.call('HGETALL', key)
	for i = 1, #flat, 2 do fields[flat[i]] = flat[i + 1] end
	return fields
end

local record = change.customer and read_hash(customer_key) or {}

local generation = tonumber(record.generation) or 0
if change.reading and generation ~= change.generation then return 'moved' end

-- Without a generation the key holds at most a link: nothing is known of her.
local known = record.generation ~= nil
local fresh = change.now - change.as_of <= TRUSTED
local set, unset, notices = {}, {}, {}
local dirty, stale, begun = false, false, known or change.reading
local keep_until = change.now + KEEP

local links = change.link_user and not record.deleted
	and (record.user or change.link_user) == change.link_user
if links and not record.user then set.user = change.link_user end
if links and not record.user_hash then set.user_hash = string.match(user_key, '[^:]*$') end
local user, user_hash = record.user or set.user, record.user_hash or set.user_hash

local function stored(fact, subscription) return record[fact .. ':' .. subscription] end
local function put(fact, subscription, value) set[fact .. ':' .. subscription] = value end

local function notice_of(type, data, subscription)
	local origin = change.event
		or 'read-' .. (subscription or change.customer) .. '-' .. change.as_of
	return { id = origin .. '-' .. type, type = type, data = data, created = change.as_of }
end

local function tell(type, data, subscription)
	notices[#notices + 1] = notice_of(type, data, subscription)
end

-- What an event had to tell, and only a reading could complete.
local function tell_awaited(snapshot)
	local awaited = change.reading and stored('awaited', snapshot.id)
	if not awaited then return end
	local notice = cjson.decode(awaited)
	local data = cjson.decode(notice.data)
	data.has_payment_method = snapshot.has_payment_method or false
	notice.data = cjson.encode(data)
	notices[#notices + 1] = notice
	unset[#unset + 1] = 'awaited:' .. snapshot.id
end

-- Until then nobody can tell by its time alone whether an event is of before or
-- after what is stored: a reading takes its time, and shows some moment of it.
local function unsure_until(as_of) return math.max(as_of, tonumber(record.read_until) or 0) end

-- Does the snapshot replace what is stored, and must the customer be read?
local function verdict(snapshot)
	local json = stored('subscription', snapshot.id)
	local as_of = tonumber(stored('as_of', snapshot.id))
	local rank = tonumber(stored('rank', snapshot.id))
	if change.reading then return true, false end
	if not json then
		-- an old subscription of somebody unknown: she may have more of them
		local overlooked = not known and change.as_of - snapshot.created > TRUSTED
		return fresh or snapshot.simulated, not fresh or overlooked or snapshot.simulated
	end
	local follows = snapshot.before == json
	if snapshot.simulated then return follows or snapshot.rank > rank, true end
	if change.as_of > unsure_until(as_of) then return true, rank == FINAL and snapshot.rank ~= FINAL end
	if snapshot.json == json then return false, false end
	if change.as_of < as_of then return false, as_of - change.as_of < NEAR end
	-- what goes to and fro within a second may follow the same state twice; ranks only grow
	if follows then return true, snapshot.rank == rank end
	return snapshot.rank > rank, true
end

local function record_first_payment(subscription, state)
	if stored('first_payment', subscription) ~= 'paid' then
		put('first_payment', subscription, state)
	end
end

-- Whose end comes before any news of the first payment may have been canceled so that
-- it would not fail: until Stripe is asked, that payment counts as under way.
local function record_unpaid_end(snapshot)
	if change.reading or not snapshot.may_end_unpaid or stored('first_payment', snapshot.id) then return end
	if stored('status', snapshot.id) == 'active' then put('first_payment', snapshot.id, 'processing') end
	dirty = true
end

-- A reading names the oldest open invoice. An event knows only its own time: the
-- earliest counts until Stripe is asked, which a missed event makes necessary too.
local function record_past_due(snapshot)
	local since = tonumber(stored('past_due_since', snapshot.id))
	if not snapshot.past_due then
		if since then unset[#unset + 1] = 'past_due_since:' .. snapshot.id end
		return
	end
	local follows = since and snapshot.before == stored('subscription', snapshot.id)
	local earliest = math.min(since or change.as_of, change.as_of)
	put('past_due_since', snapshot.id, snapshot.past_due_since or earliest)
	if not change.reading and not follows then dirty = true end
end

local function tell_status(snapshot)
	local from = stored('status', snapshot.id)
	-- a rebuilt record is no news, nor what had ended before it was known, or was forgotten since
	local rebuilt = change.reading and not from and (not snapshot.young or snapshot.rank == FINAL)
	if from == snapshot.status or rebuilt then return end
	tell('subscription_status_changed', cjson.encode({
		subscription = snapshot.id,
		from = from or cjson.null,
		to = snapshot.status,
		reason = snapshot.reason or cjson.null,
	}), snapshot.id)
end

local function apply(snapshot)
	local as_of = tonumber(stored('as_of', snapshot.id)) or 0
	-- a reading shows at least what was stored when it began, though its time is put 2 s back
	put('as_of', snapshot.id, snapshot.simulated and change.as_of or math.max(as_of, change.as_of))
	put('subscription', snapshot.id, snapshot.json)
	put('rank', snapshot.id, snapshot.rank)
	put('status', snapshot.id, snapshot.status)
	record_past_due(snapshot)
	if snapshot.first_payment then record_first_payment(snapshot.id, snapshot.first_payment) end
	record_unpaid_end(snapshot)
	tell_status(snapshot)
	tell_awaited(snapshot)
	keep_until = math.max(keep_until, snapshot.keep_until)
	begun = true
end

-- One that is alive among the fields of a customer, of which those in `newer` are out of date.
local function find_living(fields, newer, subscription)
	for field, rank in pairs(fields) do
		local id = string.match(field, '^rank:(.+)$')
		if id and id ~= subscription and not newer[field] and tonumber(rank) == LIVING then return id end
	end
end

-- The user's other customers.
local function living_elsewhere(subscription)
	local customer_prefix = string.match(customer_key, '^(.*:)[^:]*$')
	local links_key = string.gsub(customer_prefix, 'customer:$', 'user:') .. (user_hash or '')
	for link in pairs(user_hash and read_hash(links_key) or {}) do
		local customer = string.match(link, '^customer:(.+)$')
		if customer and customer ~= change.customer then
			local other = read_hash(customer_prefix .. customer)
			local id = not other.deleted and find_living(other, {}, subscription)
			if id then return id end
		end
	end
end

local function other_living(subscription)
	return find_living(set, {}, subscription) or find_living(record, set, subscription)
		or living_elsewhere(subscription)
end

-- One is told of, however many there are.
local function tell_duplicate(snapshots)
	for _, snapshot in ipairs(snapshots) do
		local begins = tonumber(stored('rank', snapshot.id)) ~= LIVING
			and set['rank:' .. snapshot.id] == LIVING
		local other = begins and (not change.reading or snapshot.young) and other_living(snapshot.id)
		if other then
			local data = cjson.encode({ subscription = snapshot.id, other = other })
			return tell('duplicate_subscription', data, snapshot.id)
		end
	end
end

-- What has a time of its own: the newest value stays, of two that nobody can order the first.
local function put_timed(field, value)
	local as_of = tonumber(record[field .. '_as_of']) or 0
	if not begun or (change.as_of < as_of and not change.reading) then
		stale = true
	elseif change.as_of <= unsure_until(as_of) and as_of > 0 and record[field] ~= value
		and not change.reading then
		dirty = true
	else
		set[field], set[field .. '_as_of'] = value, math.max(as_of, change.as_of)
	end
end

for _, snapshot in ipairs(change.snapshots) do
	local replaces, read = verdict(snapshot)
	if replaces then apply(snapshot) else stale = true end
	dirty = dirty or read
end
tell_duplicate(change.snapshots)

if change.customer_created or change.customer_deleted then
	if fresh then begun = true end
	dirty = dirty or not begun
end
if change.customer_deleted and begun then set.deleted = 1 end
if change.email then put_timed('email', change.email) end
if change.features then
	put_timed('features', change.features)
	dirty = dirty or not begun
end

if change.paid then
	local id, state = change.paid.subscription, change.paid.state
	-- while a subscription is incomplete its status says that nothing was paid, and what
	-- is active since may have been paid since
	local doubtful = tonumber(stored('rank', id)) ~= LIVING
		or change.as_of < (tonumber(stored('as_of', id)) or 0)
	if not begun or (state == 'failed' and doubtful) then
		dirty = true
	else
		record_first_payment(id, state)
	end
end

-- Of whom no subscription is stored yet, the first payment that is under way may
-- be one's first.
local function first_payment_open(by_default)
	local open = by_default
	for field, value in pairs(record) do
		local id, rank = string.match(field, '^rank:(.+)$'), tonumber(value)
		if id then open = false end
		local state = id and stored('first_payment', id) or 'paid'
		if id and (rank == INCOMPLETE or (rank == LIVING and state ~= 'paid')) then return true end
	end
	return open
end

if change.dirty == 'always' then
	dirty = true
elseif change.dirty == 'unless_stored' then
	dirty = dirty or not stored('subscription', change.dirty_subscription or '')
elseif change.dirty == 'if_first_payment_open' then
	dirty = dirty or first_payment_open(false)
elseif change.dirty == 'if_first_payment_begins' then
	dirty = dirty or first_payment_open(true)
end

for _, notice in ipairs(change.notices) do
	local told = notice.once and redis.call('EXISTS', notice.once) == 1
	if not told and notice.until_read and change.told then
		put('awaited', notice.until_read, cjson.encode(notice_of(notice.type, notice.data)))
		dirty = true
	elseif not told and not (notice.only_unlinked and user) then
		tell(notice.type, notice.data)
	end
end

-- Whoever buys and cancels all day must not make her record, and the gate with it, slow. What
-- has just ended stays, since an event of before its end would begin it anew; then what decides
-- about a trial or a debit, and then the youngest.
local FACTS = { 'subscription', 'as_of', 'rank', 'status', 'past_due_since', 'first_payment', 'awaited' }

local function ended_one(id)
	local json = set['subscription:' .. id] or stored('subscription', id) or ''
	local payment = set['first_payment:' .. id] or stored('first_payment', id)
	local created = tonumber(string.match(json, '"created":(%d+)')) or 0
	local ended_at = tonumber(string.match(json, '"ended_at":(%d+)')) or created
	local order = created
	if string.find(json, '"trial_end":', 1, true) or payment == 'failed' or payment == 'processing' then
		order = order + 1e11
	end
	if change.now - ended_at < RECENT then order = math.huge end
	return { id = id, order = order }
end

local function list_ended()
	local ended, listed = {}, {}
	for _, fields in ipairs({ record, set }) do
		for field in pairs(fields) do
			local id = string.match(field, '^rank:(.+)$')
			if id and tonumber(set[field] or record[field]) == FINAL and not listed[id] then
				listed[id] = true
				ended[#ended + 1] = ended_one(id)
			end
		end
	end
	table.sort(ended, function(a, b) return a.order > b.order or a.order == b.order and a.id > b.id end)
	return ended
end

local function forget_ended()
	for i, one in ipairs(list_ended()) do
		for _, fact in ipairs(i > ENDED and one.order < math.huge and FACTS or {}) do
			local field = fact .. ':' .. one.id
			set[field] = nil
			if record[field] then unset[#unset + 1] = field end
		end
	end
end
if next(change.snapshots) then forget_ended() end

-- Beyond the times of what is stored.
local function news()
	for field, value in pairs(set) do
		local time = string.find(field, '^as_of:') or string.find(field, '_as_of$')
			or field == 'read_until'
		if not time and record[field] ~= tostring(value) then return true end
	end
	return #unset > 0
end

if change.reading then set.read_until = change.read_until end
local changed = next(set) ~= nil
local same = change.reading and known and not news()
-- a mark moves the generation too: a reading under way may have missed its cause
if begun and (change.reading or changed or dirty) then set.generation = generation + 1 end
for field, value in pairs(set) do redis.call('HSET', customer_key, field, value) end
for _, field in ipairs(unset) do redis.call('HDEL', customer_key, field) end

-- What goes on is read again before its record expires.
local function keep()
	local left, wanted = redis.call('TTL', customer_key), keep_until - change.now
	if left < wanted then redis.call('EXPIRE', customer_key, wanted) end
	local living = find_living(set, {}) or find_living(record, set)
	if living and not record.deleted and not set.deleted then
		redis.call('ZADD', renewals_key, change.now + math.max(left, wanted), change.customer)
	else
		redis.call('ZREM', renewals_key, change.customer)
	end
end
if next(set) then keep() end

if links then
	redis.call('HSETNX', user_key, 'customer:' .. change.customer, change.now)
	redis.call('HDEL', user_key, 'none_until')
	redis.call('PERSIST', user_key)
end

if dirty then
	redis.call('ZADD', dirty_key, 'NX', change.now, change.customer)
elseif change.reading then
	local marked = redis.call('ZSCORE', dirty_key, change.customer)
	if marked and tonumber(marked) <= change.started_at then
		redis.call('ZREM', dirty_key, change.customer)
	end
end

for _, notice in ipairs(change.told and notices or {}) do
	redis.call('XADD', notices_key, 'MAXLEN', '~', 10000, '*',
		'id', notice.id, 'type', notice.type, 'data', notice.data, 'created', notice.created,
		'customer', change.customer or '', 'user', user or '')
end
for _, notice in ipairs(change.notices) do
	if notice.once then redis.call('SET', notice.once, 1, 'EX', KEEP) end
end
if change.finalize then redis.call('ZADD', invoices_key, 'NX', change.now, change.finalize) end
if change.event then redis.call('SET', event_key, 1, 'EX', KEEP) end
if same then return finish('same') end
return finish(stale and not changed and 'stale' or 'applied')
