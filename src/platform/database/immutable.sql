-- Tables whose rows never change, whoever writes: the program, an operator in psql, a bug.

-- For a trigger: refuses what would change or remove rows. Which tables that concerns is said beside them.
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is immutable', TG_TABLE_NAME USING ERRCODE = 'object_not_in_prerequisite_state';
END $$;
