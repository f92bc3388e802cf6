//! What recipes demand, as numbers: lanes for their locks, lists for the workers they name, and
//! where to look for classes that may meet at all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use globset::GlobMatcher;

use super::super::Recipe;
use super::super::locks::{Taken, needs};
use super::graph::{Graph, Lane, WorkerClass};
use crate::farm::{Lock, compiled, is_plain};
use crate::words::{Access, Value};

/// A recipe as the live order knows it.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) lane: u32,
    /// The list of the workers it names, if it names any.
    list: Option<u32>,
    recipe: Arc<Recipe>,
    /// False when a lock is not declared, or is never large enough.
    possible: bool,
    /// Units wanted of locks of the workers' own.
    own: Vec<(usize, Access)>,
}

/// What a class must have in common with those it may meet; each pair that may meet shares one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Feature {
    Any,
    Label(String, Value),
    List(u32),
}

/// A lock of the farm as a whole.
#[derive(Debug, Clone)]
pub(super) struct FarmLock {
    pub(super) units: i64,
    pub(super) taken: Taken,
    /// No lane's need fits beside what is held.
    pub(super) dead: bool,
    pub(super) lanes: Vec<(u32, Access)>,
    /// The fewest units that some lane counts, and whether some lane wants it alone.
    least: (Option<i64>, bool),
}

impl FarmLock {
    fn wanted_by(&mut self, lane: u32, access: Access) {
        self.lanes.push((lane, access));
        match access {
            Access::Counting(n) => {
                self.least.0 = Some(self.least.0.map_or(n, |least| least.min(n)))
            }
            Access::Exclusive => self.least.1 = true,
        }
    }

    /// Whether some lane's need fits beside what is taken.
    pub(super) fn fits_any(&self, taken: &Taken) -> bool {
        let counting = self.least.0.map(Access::Counting);
        let alone = self.least.1.then_some(Access::Exclusive);
        counting.into_iter().chain(alone).any(|access| taken.leaves(access, self.units))
    }

    pub(super) fn settle(&mut self) {
        self.dead = !self.fits_any(&self.taken);
    }
}

/// Numbers for recipes, lists, lanes and locks.
#[derive(Debug, Clone, Default)]
pub(super) struct Recipes {
    known: Vec<Option<Known>>,
    lists: BTreeMap<Vec<String>, u32>,
    by_name: BTreeMap<String, Vec<u32>>,
    globs: Vec<(u32, Vec<GlobMatcher>)>,
    lanes: BTreeMap<Vec<(String, Access)>, u32>,
    /// Labels that some recipe requires.
    pub(super) labels: BTreeSet<String>,
    pub(super) farm: Vec<FarmLock>,
    /// Lanes that need nothing but locks of the workers' own.
    pub(super) own_only: Vec<u32>,
    /// Locks that were dead until a lane with smaller needs came.
    pub(super) revived: Vec<usize>,
    pub(super) farm_names: BTreeMap<String, usize>,
    pub(super) own_names: BTreeMap<String, usize>,
}

impl Recipes {
    pub(super) fn new(locks: &BTreeMap<String, Lock>, graph: &mut Graph) -> Recipes {
        let mut recipes = Recipes::default();
        for (name, lock) in locks {
            if lock.per_worker {
                recipes.own_names.insert(name.clone(), recipes.own_names.len());
                graph.own_lanes.push(Vec::new());
            } else {
                recipes.farm_names.insert(name.clone(), recipes.farm.len());
                let (units, taken) = (lock.units(""), Taken::default());
                recipes.farm.push(FarmLock {
                    units,
                    taken,
                    dead: true,
                    lanes: Vec::new(),
                    least: (None, false),
                });
            }
        }
        graph.lanes.push(Lane::default());
        recipes.lanes.insert(Vec::new(), 0);
        recipes
    }

    pub(super) fn get(&self, recipe: usize) -> Option<&Known> {
        self.known.get(recipe)?.as_ref()
    }

    /// Meets the recipe of a request. Gives the list of workers that is new with it.
    pub(super) fn meet(
        &mut self,
        (number, recipe): (usize, &Arc<Recipe>),
        graph: &mut Graph,
    ) -> Option<u32> {
        if self.get(number).is_some() {
            return None;
        }
        let new_list = !recipe.workers.is_empty() && !self.lists.contains_key(&recipe.workers);
        let list = (!recipe.workers.is_empty()).then(|| self.list(&recipe.workers));
        self.labels.extend(recipe.requires.keys().cloned());
        let needs: Vec<(String, Access)> =
            needs(&recipe.locks).into_iter().map(|(lock, n)| (lock.to_owned(), n)).collect();
        let possible = needs.iter().all(|(lock, access)| self.is_possible(lock, *access));
        let lane = if possible { self.lane(needs, graph) } else { 0 };
        let known = Known {
            lane,
            list,
            recipe: recipe.clone(),
            possible,
            own: graph.lane(lane).own.clone(),
        };
        if self.known.len() <= number {
            self.known.resize(number + 1, None);
        }
        self.known[number] = Some(known);
        list.filter(|_| new_list)
    }

    fn list(&mut self, workers: &[String]) -> u32 {
        if let Some(known) = self.lists.get(workers) {
            return *known;
        }
        let new = number(self.lists.len());
        self.lists.insert(workers.to_vec(), new);
        let (plain, globs): (Vec<&String>, Vec<&String>) =
            workers.iter().partition(|glob| is_plain(glob));
        for name in plain {
            self.by_name.entry(name.clone()).or_default().push(new);
        }
        if !globs.is_empty() {
            self.globs.push((new, globs.iter().filter_map(|glob| compiled(glob)).collect()));
        }
        new
    }

    fn is_possible(&self, lock: &str, access: Access) -> bool {
        let units = self.farm_names.get(lock).map(|at| self.farm[*at].units);
        self.own_names.contains_key(lock) || units.is_some_and(|units| wanted(access) <= units)
    }

    fn lane(&mut self, needs: Vec<(String, Access)>, graph: &mut Graph) -> u32 {
        if let Some(known) = self.lanes.get(&needs) {
            return *known;
        }
        let new = number(graph.lanes.len());
        let mut lane = Lane::default();
        for (lock, access) in &needs {
            if let Some(at) = self.farm_names.get(lock) {
                lane.farm.push((*at, *access));
                self.farm[*at].wanted_by(new, *access);
                let was_dead = self.farm[*at].dead;
                self.farm[*at].settle();
                if was_dead && !self.farm[*at].dead {
                    self.revived.push(*at);
                }
            } else if let Some(at) = self.own_names.get(lock) {
                lane.own.push((*at, *access));
                graph.own_lanes[*at].push((new, *access));
            }
        }
        lane.asleep = self.sleeps(&lane);
        if lane.is_own() {
            self.own_only.push(new);
        }
        graph.lanes.push(lane);
        self.lanes.insert(needs, new);
        new
    }

    /// Whether nobody can get anything of the farm's locks that a lane needs.
    pub(super) fn sleeps(&self, lane: &Lane) -> bool {
        !lane.farm.is_empty() && lane.farm.iter().all(|(lock, _)| self.farm[*lock].dead)
    }

    /// The lists that name a worker, ascending.
    pub(super) fn lists_of(&self, name: &str) -> Vec<u32> {
        let mut lists = self.by_name.get(name).cloned().unwrap_or_default();
        let by_glob = self.globs.iter().filter(|(_, globs)| globs.iter().any(|g| g.is_match(name)));
        lists.extend(by_glob.map(|(list, _)| *list));
        lists.sort_unstable();
        lists.dedup();
        lists
    }

    /// Where the classes of a recipe are to be found: under the feature that fewest have.
    pub(super) fn feature(&self, known: &Known, members: impl Fn(&Feature) -> usize) -> Feature {
        if let Some(list) = known.list {
            return Feature::List(list);
        }
        let labels = known.recipe.requires.iter();
        let labels = labels.map(|(l, v)| Feature::Label(l.clone(), v.clone()));
        labels.min_by_key(members).unwrap_or(Feature::Any)
    }

    /// All features of a worker class.
    pub(super) fn features(&self, class: &WorkerClass, lists: &[u32]) -> Vec<Feature> {
        let labels = class.sample.labels.iter().filter(|(label, _)| self.labels.contains(*label));
        let labels = labels.map(|(label, value)| Feature::Label(label.clone(), value.clone()));
        let lists = lists.iter().map(|list| Feature::List(*list));
        std::iter::once(Feature::Any).chain(labels).chain(lists).collect()
    }
}

impl Known {
    /// The only worker that may build it.
    pub(super) fn pinned(&self) -> Option<&str> {
        self.recipe.pinned.as_deref()
    }

    /// Whether workers of a class could ever take it, lists and pins left aside.
    pub(super) fn suits(&self, class: &WorkerClass) -> bool {
        self.possible
            && self.recipe.requires.iter().all(|(l, v)| class.sample.labels.get(l) == Some(v))
            && self.own.iter().all(|(lock, access)| wanted(*access) <= class.units[*lock])
    }

    /// Whether it names workers that one who is on these lists is not among.
    pub(super) fn names_others<'a>(&self, lists: impl FnOnce() -> Option<&'a [u32]>) -> bool {
        self.list.is_some_and(|list| !lists().unwrap_or_default().contains(&list))
    }
}

/// The least capacity that could ever do.
fn wanted(access: Access) -> i64 {
    match access {
        Access::Counting(n) => n,
        Access::Exclusive => 1,
    }
}

/// Numbers of classes and the like: there are never 2³² of them.
pub(super) fn number(n: usize) -> u32 {
    u32::try_from(n).expect("fewer than 2^32 classes fit into memory")
}
