-- Two roles and a database: run once by an administrator of the server,
--   psql -v owner_password="'…'" -v service_password="'…'" -f postgresql.sql
-- The owner makes and upgrades tables. The service only fills them: it cannot drop the audit log, nor switch off
-- what makes it append-only.
\set ON_ERROR_STOP on
CREATE ROLE portcullis_owner LOGIN PASSWORD :owner_password;
CREATE ROLE portcullis_service LOGIN PASSWORD :service_password;
CREATE DATABASE portcullis OWNER portcullis_owner ENCODING 'UTF8' TEMPLATE template0;
REVOKE ALL ON DATABASE portcullis FROM PUBLIC;
GRANT CONNECT ON DATABASE portcullis TO portcullis_service;
\connect portcullis
ALTER DEFAULT PRIVILEGES FOR ROLE portcullis_owner IN SCHEMA public
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO portcullis_service;
ALTER DEFAULT PRIVILEGES FOR ROLE portcullis_owner IN SCHEMA public
  GRANT USAGE ON SEQUENCES TO portcullis_service;
