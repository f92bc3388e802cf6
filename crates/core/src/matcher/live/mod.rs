//! The live order: the best tuple after each event without looking at every pair.
//!
//! **Classes.** What functions of both sides were ever seen to read ([`super::memo`]) tells which
//! requests and which workers look alike: they form classes. Whether two classes may meet, and what
//! the pair terms say of them, is asked once and kept as an edge. Each other term is said by the
//! request, its group or the worker alone, so the best tuple of two classes is that of their heads.
//!
//! What is new is looked at in slices, and takes part when it was looked at in full ([`sight`]).
//!
//! **Lanes.** Requests with equal needs for locks share a lane; lane 0 needs none. A lane keeps a
//! two-sided lazy heap over its edges that knows nothing of farm-wide locks: a *bid* is a request
//! class's best tuple, an *offer* that of a worker class within the lane, each exact when written.
//! **Coverage**: for each edge whose two classes have heads, its own bid or its own offer ranks at
//! least as high as the tuple of the heads. What falls keeps that by itself and writes nothing;
//! what rises (a new head, a freed worker, a group with fewer builds) rewrites its own entry. The
//! top entry, found to be still true, is therefore the lane's best tuple; one found to be too high
//! is rewritten. Entries are never used up by a decision, only found untrue later. A lane sleeps
//! while nobody can get anything of any farm-wide lock it needs: it writes nothing and costs
//! nothing, and writes anew when it wakes.
//!
//! **Reservation.** A tuple's locks are grantable if they fit beside what is held and what the
//! requests of greater tuples want: of a farm-wide lock those of the whole farm, of a worker's own
//! lock those at that worker. Nothing else matters, so no order of visits has to be kept:
//! * *own locks* ([`room`]): at one worker the requests that want its lock stand in one order, the
//!   same for all workers of a room (same class, equally much held). A tuple fits if those before
//!   it there leave room; of a class only the head can. Their lines ([`standing`]) are kept while
//!   workers are free, and changed in place.
//! * *farm-wide locks* ([`walk`]): a request counts from its best tuple on. The lanes are merged
//!   by best tuple; each request visited reserves; the first that fits is the answer. A lane leaves
//!   the walk when no lane's need fits any more in any of its locks, so a walk is as long as there
//!   are lanes and units, whatever the number of waiters; what it took from the heaps goes back.
//!
//! **Time.** An ageing request rises by itself: it is placed anew at its own tick ([`ages`]).

mod ages;
mod follow;
mod graph;
mod groups;
mod heap;
mod key;
mod line;
mod link;
mod live_order;
mod lock_line;
mod place_request;
mod place_worker;
mod queue;
mod recipes;
mod register;
mod reserved;
mod room;
mod sight;
mod spare;
mod standing;
mod sweep;
mod terms;
mod top;
mod waits;
mod walk;

pub(super) use live_order::Live;
pub(super) use register::Kept;
pub(super) use spare::{Asked, Spare};
pub(super) use waits::{Lines, Want};
