-- A queue for the Buildbot that is compared with: :builds requests that nobody has claimed, over all
-- builders in turn, behind those that are there. The master has run once.
BEGIN;
INSERT INTO sourcestamps (id, ss_hash, branch, revision, repository, codebase, project, created_at)
VALUES (2000000, repeat('c', 40), 'main', repeat('d', 40), 'hello', '', '', 1790000000)
ON CONFLICT DO NOTHING;
CREATE TEMPORARY TABLE new ON COMMIT DROP AS
SELECT n, n + (SELECT coalesce(max(id), 0) FROM buildsets) AS id FROM generate_series(1, :builds) AS n;
INSERT INTO buildsets (id, reason, submitted_at, complete, results)
SELECT id, 'compared', 1790000000, 0, -1 FROM new;
INSERT INTO buildset_sourcestamps (buildsetid, sourcestampid) SELECT id, 2000000 FROM new;
INSERT INTO buildrequests
    (id, buildsetid, builderid, priority, complete, results, submitted_at, waited_for)
SELECT n + (SELECT coalesce(max(id), 0) FROM buildrequests), id,
       1 + (n - 1) % (SELECT count(*) FROM builders), 0, 0, -1, 1790000000, 0
FROM new;
-- What the master makes itself comes behind these.
SELECT setval(pg_get_serial_sequence('buildsets', 'id'), (SELECT max(id) FROM buildsets)),
       setval(pg_get_serial_sequence('buildrequests', 'id'), (SELECT max(id) FROM buildrequests));
COMMIT;
