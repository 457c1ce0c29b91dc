-- "updatedAt" of a user is the time of the last change of the account: not of a login, and not of the counter that ends logins in progress. A new
-- column counts unless it is listed here.
CREATE FUNCTION set_user_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  compared "User" := NEW;
BEGIN
  compared."accessVersion" := OLD."accessVersion";
  compared."loginCount" := OLD."loginCount";
  compared."currentLoginAt" := OLD."currentLoginAt";
  compared."currentLoginFrom" := OLD."currentLoginFrom";
  compared."lastLoginAt" := OLD."lastLoginAt";
  compared."lastLoginFrom" := OLD."lastLoginFrom";
  compared."updatedAt" := OLD."updatedAt";
  NEW."updatedAt" := CASE WHEN compared IS DISTINCT FROM OLD THEN clock_timestamp() ELSE OLD."updatedAt" END;
  RETURN NEW;
END $$;

DROP TRIGGER updated_at ON "User";
CREATE TRIGGER updated_at BEFORE UPDATE ON "User" FOR EACH ROW EXECUTE FUNCTION set_user_updated_at();
