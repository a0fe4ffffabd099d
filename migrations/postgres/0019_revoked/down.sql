ALTER TABLE form_uses DROP COLUMN asked;
DROP INDEX invitations_inviter_token;
ALTER TABLE invitations DROP COLUMN invited_by_token;
DROP INDEX token_secrets_revoked;
