-- A service account can invite, too.
ALTER TABLE invitations ADD COLUMN invited_by_account TEXT REFERENCES service_accounts (id) ON DELETE SET NULL;
CREATE INDEX invitations_inviter_account ON invitations (invited_by_account);
