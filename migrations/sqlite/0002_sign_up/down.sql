DROP TABLE invitations;
DROP TABLE links;
DROP TABLE sign_ups;
