-- The role of the service; docs/application-role.sql grants it what it needs after the migrations.
CREATE ROLE user_service_app LOGIN PASSWORD 'user_service_app';
