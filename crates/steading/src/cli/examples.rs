//! The examples and exit codes shown by `--help`.

pub(super) const TOP: &str = "\
Examples:
  steading run examples/hello        build once, here, and show it
  steading up examples/hello         the whole farm on this machine
  steading force hello --wait        ask a running farm for a build, and follow it
  steading log hello/1 -f            read along

Exit codes:
  0 green   1 red   2 usage or configuration   3 exception, or farm unreachable
  4 cancelled   130 interrupted";

pub(super) const UP: &str = "\
Examples:
  steading up                                 the farm of this directory
  steading up examples/tour --listen 127.0.0.1:0
  steading up --data /var/lib/steading --cancel

Stopping: the first Ctrl-C waits briefly, then says what still runs; the second is immediate.
Builds that still run are adopted by the next `up` (--keep). SIGHUP reads farm.star again.";

pub(super) const RUN: &str = "\
Examples:
  steading run                                every builder of this directory's farm
  steading run examples/tour --builder docs --builder test
  steading run --set channel=beta --json

Exit codes: 0 all green, 1 a build failed, 2 usage or configuration, 3 the farm's own fault,
4 cancelled, 130 interrupted.";

pub(super) const CHECK: &str = "\
Examples:
  steading check                              says OK, or what is wrong and where
  steading check examples/tour --json";

pub(super) const MASTER: &str = "\
Examples:
  steading master /srv/farm --listen 10.0.0.1:8040
  steading token worker barn > barn.token     then, on the machine `barn`:
  steading worker --master http://10.0.0.1:8040 --name barn --token-file barn.token";

pub(super) const WORKER: &str = "\
Examples:
  steading worker --master http://farm.example.org:8040 --name barn --token-file barn.token
  steading worker --master http://farm.example.org:8040 --name barn --token-file - < barn.token";

pub(super) const FORCE: &str = "\
Examples:
  steading force hello
  steading force hello --branch release/2 --wait
  steading force deploy --set channel=beta --set notes='first try' --priority 10

Exit codes with --wait: 0 green, 1 red, 3 exception, 4 cancelled.";

pub(super) const CHANGE: &str = "\
Examples:
  steading change https://git.example.org/hello.git --branch main
  steading change . --revision 4f2a9c1";

pub(super) const LIST: &str = "\
Examples:
  steading list builds
  steading list builds outcome=failure builder=hello --limit 100
  steading list requests state=pending --json
  steading list builds started_at__ge=2026-01-01T00:00:00Z order=started_at";

pub(super) const SHOW: &str = "\
Examples:
  steading show build hello/17
  steading show request 42
  steading show worker barn --json
  steading show lifecycle                     the legal moves of every noun";

pub(super) const LOG: &str = "\
Examples:
  steading log 17
  steading log hello/17 test -f
  steading log hello/17 --grep 'error|panicked'
  steading log hello/17 build --stderr --raw > build.err";

pub(super) const EXPLAIN: &str = "\
Examples:
  steading explain 42
  steading explain 42 --json";

pub(super) const CANCEL: &str = "\
Examples:
  steading cancel hello/17 --reason 'wrong branch'
  steading cancel hello/18 hello/19
  steading cancel --request 42 43";

pub(super) const PRIORITIZE: &str = "\
Examples:
  steading prioritize 42 10                   before everything of a lower priority
  steading prioritize 42 -- -5                after everything of a higher one";

pub(super) const REBUILD: &str = "\
Examples:
  steading rebuild hello/17
  steading rebuild 17 --wait";

pub(super) const PAUSE: &str = "\
Examples:
  steading pause barn --reason 'new disk'
  steading pause oak elm 'linux-*' --reason 'the rack moves'
  steading pause builder hello --reason 'its mirror moves'
  steading pause scheduler nightly
  steading pause farm --reason 'power works until noon'";

pub(super) const RESUME: &str = "\
Examples:
  steading resume barn
  steading resume builder hello --reason 'its mirror is back'
  steading resume farm                        whoever paused or drained it";

pub(super) const DRAIN: &str = "\
Examples:
  steading drain --reason 'an upgrade'        the farm: returns when nothing runs
  steading drain oak elm                      returns when nothing runs on either
  steading drain worker barn --no-wait";

pub(super) const RELOAD: &str = "\
Examples:
  steading reload                             prints what changed; a broken file changes nothing";

pub(super) const EVENTS: &str = "\
Examples:
  steading events --since 0                   everything that is kept
  steading events -f --noun build             builds, as they happen
  steading events -f | jq -r 'select(.kind == \"build.finished\") | .id'";

pub(super) const AUDIT: &str = "\
Examples:
  steading audit                              exit code 1 if an invariant is violated
  steading audit --data /var/lib/steading --json";

pub(super) const REPLAY: &str = "\
Examples:
  steading replay --policy other.star         the last week, under both policies
  steading replay examples/tour --policy other.star --since 2h
  steading replay --policy other.star --json | jq .difference.waits

Nothing is started and nothing written. The same history gives the same report.";

pub(super) const TOKEN: &str = "\
Examples:
  steading token worker barn > barn.token
  steading token worker 'linux-*' --valid 90d
  steading token admin ci
  steading token revoke ci";

pub(super) const OPEN: &str = "\
Examples:
  steading open                               the printed link works once, for a short time";

pub(super) const COMPLETIONS: &str = "\
Examples:
  steading completions bash > ~/.local/share/bash-completion/completions/steading
  steading completions fish > ~/.config/fish/completions/steading.fish";
