-- Ids with a time in front (UUIDv7, RFC 9562 5.7), so that a range of ids is a range of moments.

-- The smallest UUIDv7 of a moment. Partitions of a day begin and end with one.
CREATE OR REPLACE FUNCTION uuid_from_time(p_at timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
  SELECT (lpad(to_hex((extract(epoch FROM p_at) * 1000)::bigint), 12, '0')
          || '00000000000000000000')::uuid
$$;

-- A new UUIDv7: a random UUID with the time in front, and version 7 for 4. For rows that triggers make,
-- where no process is asked for an id.
CREATE OR REPLACE FUNCTION new_uuid_v7() RETURNS uuid LANGUAGE sql VOLATILE AS $$
  SELECT encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
           PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
           FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid
$$;
