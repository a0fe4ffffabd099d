-- Those that were ended, of somebody who has thousands, in the order of the list.
CREATE INDEX token_secrets_revoked ON token_secrets (holder, token_id) WHERE is_current AND revoked_at IS NOT NULL;
-- With which of its tokens a service account invited: what a leaked one sent out ends with it.
ALTER TABLE invitations ADD COLUMN invited_by_token TEXT REFERENCES tokens (id) ON DELETE SET NULL;
CREATE INDEX invitations_inviter_token ON invitations (invited_by_token);
-- What was asked for under a name of the caller's own, so that the same name for something else is told apart.
ALTER TABLE form_uses ADD COLUMN asked TEXT NOT NULL DEFAULT '';
