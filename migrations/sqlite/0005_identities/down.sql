DROP TABLE openid_flows;
DROP TABLE identities;
