-- A use may grow only up to its limit, whatever statement lets it grow: the batch that asked for more fails whole.
-- Shrinking is always allowed, and so is a limit below the use.
CREATE TRIGGER quotas_limit BEFORE UPDATE OF usage ON quotas
WHEN NEW.usage > OLD.usage AND NEW.usage > NEW."limit"
BEGIN
  SELECT RAISE(ABORT, 'quota exceeded');
END;
