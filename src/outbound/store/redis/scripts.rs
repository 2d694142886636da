//! The changes that must be atomic, as Lua scripts. Each touches the keys of one user only; the sessions that it finds in
//! the index are in the same slot because of their names, so they need not be declared in `KEYS`.
//!
//! A record is a generation of four bytes, followed by the sealed bytes. An index entry is `created:ends:hash`.

use std::sync::LazyLock;

/// A script, and the hash by which a server knows it once it has been loaded there.
pub(super) struct Script {
    pub(super) body: &'static str,
    pub(super) hash: String,
}

impl Script {
    fn new(body: &'static str) -> Self {
        Self { body, hash: redis::Script::new(body).get_hash().to_owned() }
    }
}

/// Saves a new session, and removes some expired sessions from the index.
/// Keys: record, last use, index. Arguments: session, record, last use, index entry, life in ms, life of the index in
/// ms, prefix of the records.
pub(super) static SAVE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[5])
redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[5])
local some = redis.call('HRANDFIELD', KEYS[3], 16)
for _, session in ipairs(some) do
  if redis.call('EXISTS', ARGV[7] .. session) == 0 then
    redis.call('HDEL', KEYS[3], session)
  end
end
redis.call('HSET', KEYS[3], ARGV[1], ARGV[4])
if redis.call('PTTL', KEYS[3]) < tonumber(ARGV[6]) then
  redis.call('PEXPIRE', KEYS[3], ARGV[6])
end
return 1",
    )
});

/// Compare-and-swap on the generation; returns 1 when it replaced the stored record, else 0.
/// Keys: record, last use, index. Arguments: session, generation before, record, index entry, life in ms, life of the
/// index in ms.
pub(super) static REFRESH: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
if redis.call('GETRANGE', KEYS[1], 0, 3) ~= ARGV[2] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[5])
redis.call('PEXPIRE', KEYS[2], ARGV[5])
redis.call('HSET', KEYS[3], ARGV[1], ARGV[4])
if redis.call('PTTL', KEYS[3]) < tonumber(ARGV[6]) then
  redis.call('PEXPIRE', KEYS[3], ARGV[6])
end
return 1",
    )
});

/// Records a last use, if the session exists. Its lifetime is extended only when little is left, because each time the
/// servers send an invalidation to every client that tracks the record.
/// Keys: record, last use, index. Arguments: session, last use, now, idle lifetime in ms.
pub(super) static TOUCH: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  return 0
end
local before = redis.call('GET', KEYS[2])
if not before or tonumber(before) < tonumber(ARGV[2]) then
  redis.call('SET', KEYS[2], ARGV[2], 'PX', left)
end
local idle = tonumber(ARGV[4])
local entry = redis.call('HGET', KEYS[3], ARGV[1])
if left < idle and entry then
  local ends = tonumber(string.match(entry, '^%d+:(%d+):'))
  local life = math.min((ends - tonumber(ARGV[3])) * 1000, 2 * idle)
  if life > left then
    life = string.format('%.0f', life)
    redis.call('PEXPIRE', KEYS[1], life)
    redis.call('PEXPIRE', KEYS[2], life)
  end
end
return 1",
    )
});

/// Ends one session; returns its record.
/// Keys: record, last use, index, lease. Arguments: session.
pub(super) static END: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local record = redis.call('GET', KEYS[1])
redis.call('DEL', KEYS[1], KEYS[2], KEYS[4])
redis.call('HDEL', KEYS[3], ARGV[1])
return record",
    )
});

/// Ends sessions of a user; returns the name and the record of each, alternating.
/// Keys: index. Arguments: prefix of the records, prefix of the last uses, the latest creation time or empty for any,
/// hashes of the provider sessions or none for any.
pub(super) static END_SOME: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local marks = {}
for i = 4, #ARGV do
  marks[ARGV[i]] = true
end
local until_then = tonumber(ARGV[3])
local entries = redis.call('HGETALL', KEYS[1])
local ended = {}
for i = 1, #entries, 2 do
  local created, mark = string.match(entries[i + 1], '^(%d+):%d+:(%x*)$')
  if (not until_then or tonumber(created) <= until_then) and (#ARGV < 4 or marks[mark]) then
    local record = redis.call('GET', ARGV[1] .. entries[i])
    if record then
      ended[#ended + 1] = entries[i]
      ended[#ended + 1] = record
    end
    redis.call('DEL', ARGV[1] .. entries[i], ARGV[2] .. entries[i])
    redis.call('HDEL', KEYS[1], entries[i])
  end
end
return ended",
    )
});

/// Counts the sessions of a user that belong to the given provider sessions.
/// Keys: index. Arguments: prefix of the records, hashes of the provider sessions.
pub(super) static COUNT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local entries = redis.call('HGETALL', KEYS[1])
local count = 0
for i = 1, #entries, 2 do
  local mark = string.match(entries[i + 1], ':(%x*)$')
  for j = 2, #ARGV do
    if mark == ARGV[j] and redis.call('EXISTS', ARGV[1] .. entries[i]) == 1 then
      count = count + 1
    end
  end
end
return count",
    )
});

/// Lists the sessions of a user: name, record and last use of each, in sequence.
/// Keys: index. Arguments: prefix of the records, prefix of the last uses.
pub(super) static LIST: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local sessions = {}
for _, session in ipairs(redis.call('HKEYS', KEYS[1])) do
  local record = redis.call('GET', ARGV[1] .. session)
  if record then
    sessions[#sessions + 1] = session
    sessions[#sessions + 1] = record
    sessions[#sessions + 1] = redis.call('GET', ARGV[2] .. session) or ''
  end
end
return sessions",
    )
});

/// Takes or extends a lease; returns an empty array when another holder has it, else record and last use, each empty when
/// absent. A session that ended has no lease.
/// Keys: record, last use, lease. Arguments: holder, span in ms.
pub(super) static LEASE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local holder = redis.call('GET', KEYS[3])
if holder and holder ~= ARGV[1] then
  return {}
end
local record = redis.call('GET', KEYS[1])
if record then
  redis.call('SET', KEYS[3], ARGV[1], 'PX', ARGV[2])
end
return {record or '', redis.call('GET', KEYS[2]) or ''}",
    )
});

/// Releases a lease, if the holder still has it.
/// Keys: lease. Arguments: holder.
pub(super) static RELEASE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('DEL', KEYS[1])
end
return 1",
    )
});

/// Adds a user to the users whose sessions belong to one provider session.
/// Keys: the set. Arguments: user hash, life in ms.
pub(super) static ADD: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
redis.call('SADD', KEYS[1], ARGV[1])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 1",
    )
});
