-- Grants for a role that runs the service without owning its tables: it can insert into the audit trail and not
-- change it, and it cannot forget erasures. Run as the owner (the role of `user-service migrate`) after each migration; repeating it is safe.
-- An administrator creates the role once: CREATE ROLE user_service_app LOGIN PASSWORD '…';
GRANT USAGE ON SCHEMA public TO user_service_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO user_service_app;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO user_service_app;
REVOKE UPDATE, DELETE ON audit_entries, audit_seals FROM user_service_app;
REVOKE INSERT, UPDATE, DELETE ON audit_archives FROM user_service_app;
REVOKE UPDATE, DELETE ON erased_users FROM user_service_app;
REVOKE DELETE ON erasures FROM user_service_app;
REVOKE INSERT, UPDATE, DELETE ON schema_migrations FROM user_service_app;
