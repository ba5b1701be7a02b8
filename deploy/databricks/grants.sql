-- What the principal of the daemon needs; replace the id by that of the app's, or of your service principal.
GRANT USE CATALOG ON CATALOG main TO `00000000-0000-0000-0000-000000000000`;
GRANT USE SCHEMA, CREATE TABLE ON SCHEMA main.crm TO `00000000-0000-0000-0000-000000000000`;
-- On the table itself, because Zerobus takes no inherited grants. Who makes a table owns it: of tables that sfcdc has made, nothing is needed.
GRANT SELECT, MODIFY ON TABLE main.crm.Contact_changes TO `00000000-0000-0000-0000-000000000000`;
