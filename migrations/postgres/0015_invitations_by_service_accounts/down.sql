DROP INDEX invitations_inviter_account;
ALTER TABLE invitations DROP COLUMN invited_by_account;
