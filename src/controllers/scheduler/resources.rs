//! How much of what: the resources of nodes, and what pods ask for.
//!
//! *Upstream:* `component-helpers/resource/helpers.go`, `pkg/scheduler/framework/types.go`.

use serde_json::{Map, Value};

use crate::object::Object;
use crate::object::quantity::Quantity;

/// What a container counts for that asks for no CPU, where nodes are compared: in thousandths.
const CPU_UNASKED: i64 = 100;

/// What a container counts for that asks for no memory.
const MEMORY_UNASKED: i64 = 200 * 1024 * 1024;

/// Amounts of resources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Resources {
    /// In thousandths.
    pub(super) cpu: i64,
    /// In bytes.
    pub(super) memory: i64,
    /// In bytes.
    pub(super) storage: i64,
    /// Of pods, how many there may be.
    pub(super) pods: i64,
    /// All others, by name in order.
    pub(super) others: Vec<(Box<str>, i64)>,
}

impl Resources {
    /// The amounts of a resource list.
    pub(super) fn of(list: Option<&Value>) -> Self {
        let mut resources = Self::default();
        for (name, amount) in list.and_then(Value::as_object).into_iter().flatten() {
            let Some(amount) = Quantity::from_json(amount) else {
                continue;
            };
            match name.as_str() {
                "cpu" => resources.cpu = amount.milli_value(),
                "memory" => resources.memory = amount.value(),
                "ephemeral-storage" => resources.storage = amount.value(),
                "pods" => resources.pods = amount.value(),
                name => resources.others.push((name.into(), amount.value())),
            }
        }
        resources.others.sort();
        resources
    }

    fn each(&mut self, other: &Self, change: impl Fn(&mut i64, i64)) {
        change(&mut self.cpu, other.cpu);
        change(&mut self.memory, other.memory);
        change(&mut self.storage, other.storage);
        change(&mut self.pods, other.pods);
        for (name, amount) in &other.others {
            let place = self.others.binary_search_by(|(known, _)| known.cmp(name));
            let place = place.unwrap_or_else(|place| {
                self.others.insert(place, (name.clone(), 0));
                place
            });
            change(&mut self.others[place].1, *amount);
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.each(other, |mine, theirs| *mine = mine.saturating_add(theirs));
    }

    pub(super) fn take(&mut self, other: &Self) {
        self.each(other, |mine, theirs| *mine = mine.saturating_sub(theirs));
    }

    fn raise(&mut self, other: &Self) {
        self.each(other, |mine, theirs| *mine = (*mine).max(theirs));
    }

    /// The amount of one of the others.
    pub(super) fn other(&self, name: &str) -> i64 {
        let place = self
            .others
            .binary_search_by(|(known, _)| (**known).cmp(name));
        place.map_or(0, |place| self.others[place].1)
    }
}

/// What a pod asks for: its containers together, or the most that stands at any time while its
/// init containers run.
pub(super) fn requests(pod: &Object) -> Resources {
    let own = |container: &Value| Resources::of(container["resources"].get("requests"));
    sum(pod, own)
}

/// CPU and memory as nodes are compared by: who asks for nothing counts for something.
pub(super) fn weights(pod: &Object) -> (i64, i64) {
    let total = sum(pod, |container| {
        let requests = container["resources"].get("requests");
        let mut own = Resources::of(requests);
        let asks = |name: &str| {
            let map = requests.and_then(Value::as_object);
            map.is_some_and(|map: &Map<String, Value>| map.contains_key(name))
        };
        if !asks("cpu") {
            own.cpu = CPU_UNASKED;
        }
        if !asks("memory") {
            own.memory = MEMORY_UNASKED;
        }
        own
    });
    (total.cpu, total.memory)
}

fn sum(pod: &Object, own: impl Fn(&Value) -> Resources) -> Resources {
    let mut total = Resources::default();
    for container in pod.items(&["spec", "containers"]) {
        total.add(&own(container));
    }
    let mut sidecars = Resources::default();
    let mut most = Resources::default();
    for container in pod.items(&["spec", "initContainers"]) {
        let mut needs = own(container);
        if container["restartPolicy"] == "Always" {
            total.add(&needs);
            sidecars.add(&needs);
            needs = sidecars.clone();
        } else {
            needs.add(&sidecars);
        }
        most.raise(&needs);
    }
    total.raise(&most);
    let whole = Resources::of(pod.get(&["spec", "resources", "requests"]));
    for (mine, said) in [
        (&mut total.cpu, whole.cpu),
        (&mut total.memory, whole.memory),
    ] {
        if said > 0 {
            *mine = said;
        }
    }
    total.add(&Resources::of(pod.get(&["spec", "overhead"])));
    total
}
