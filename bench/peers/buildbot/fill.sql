-- A long history for the Buildbot that is compared with: :builds builds of one step each, over all
-- builders and workers in turn, one in ten red. The master has run once, so that those are there.
BEGIN;
INSERT INTO sourcestamps (id, ss_hash, branch, revision, repository, codebase, project, created_at)
VALUES (1000000, repeat('a', 40), 'main', repeat('b', 40), 'hello', '', '', 1790000000);
INSERT INTO buildsets (id, reason, submitted_at, complete, complete_at, results)
SELECT n, 'a change', 1790000000 + 2 * n, 1, 1790000009 + 2 * n,
       CASE WHEN n % 10 = 9 THEN 2 ELSE 0 END
FROM generate_series(1, :builds) AS n;
INSERT INTO buildset_sourcestamps (buildsetid, sourcestampid)
SELECT n, 1000000 FROM generate_series(1, :builds) AS n;
INSERT INTO buildrequests
    (id, buildsetid, builderid, priority, complete, results, submitted_at, complete_at, waited_for)
SELECT n, n, 1 + (n - 1) % (SELECT count(*) FROM builders), 0, 1,
       CASE WHEN n % 10 = 9 THEN 2 ELSE 0 END, 1790000000 + 2 * n, 1790000009 + 2 * n, 0
FROM generate_series(1, :builds) AS n;
INSERT INTO buildrequest_claims (brid, masterid, claimed_at)
SELECT n, (SELECT min(id) FROM masters), 1790000001 + 2 * n FROM generate_series(1, :builds) AS n;
INSERT INTO builds
    (id, number, builderid, buildrequestid, workerid, masterid, started_at, complete_at,
     locks_duration_s, state_string, results)
SELECT n, 1 + (n - 1) / (SELECT count(*) FROM builders),
       1 + (n - 1) % (SELECT count(*) FROM builders), n,
       1 + (n - 1) % (SELECT count(*) FROM workers), (SELECT min(id) FROM masters),
       1790000001 + 2 * n, 1790000009 + 2 * n, 0, 'build successful',
       CASE WHEN n % 10 = 9 THEN 2 ELSE 0 END
FROM generate_series(1, :builds) AS n;
INSERT INTO steps
    (number, name, buildid, started_at, locks_acquired_at, complete_at, state_string, results,
     urls_json, hidden)
SELECT 0, 'compile', n, 1790000002 + 2 * n, 1790000002 + 2 * n, 1790000008 + 2 * n, 'finished',
       CASE WHEN n % 10 = 9 THEN 2 ELSE 0 END, '[]', 0
FROM generate_series(1, :builds) AS n;
COMMIT;
ANALYZE;
