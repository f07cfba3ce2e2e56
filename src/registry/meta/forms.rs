//! The versions that managers of fields wrote in, for whoever works out who owns what.
//!
//! That is done without waiting. Where a webhook converts, the conversion is noted as wanted, had
//! from the webhook, and all is worked out again with the answer at hand.
//!
//! *Upstream:* the `objectConverter` of `apimachinery/pkg/util/managedfields`.

use parking_lot::Mutex;
use serde_json::{Map, Value};

use crate::error::{ApiError, Reason};
use crate::object::{GroupVersion, Object};
use crate::patch::apply::{ApplyError, Pending, Unconverted, Versions};
use crate::registry::custom::reading;
use crate::registry::{Context, Registry};
use crate::schema::{Resource, Schema, normalise};

/// An object that is to be had in a version.
#[derive(Clone, Debug, PartialEq)]
struct Asked {
    object: Map<String, Value>,
    into: String,
}

/// The object in that version, or why it cannot be had.
type Answer = Result<Map<String, Value>, String>;

/// The conversions that a request had to wait for.
#[derive(Debug, Default)]
pub struct Conversions {
    done: Mutex<Vec<(Asked, Answer)>>,
    wanted: Mutex<Option<Asked>>,
}

impl Conversions {
    /// What was answered; where nobody was asked yet, it is wanted.
    fn get(
        &self,
        object: &Map<String, Value>,
        into: &str,
    ) -> Result<Map<String, Value>, Unconverted> {
        let done = self.done.lock();
        let known = done
            .iter()
            .find(|(asked, _)| asked.into == into && asked.object == *object);
        if let Some((_, answer)) = known {
            return answer.clone().map_err(Unconverted::Failed);
        }
        *self.wanted.lock() = Some(Asked {
            object: object.clone(),
            into: into.to_owned(),
        });
        Err(Unconverted::Pending)
    }
}

/// The versions of a resource's kind.
pub(crate) struct KindVersions<'a> {
    pub(crate) registry: &'a Registry,
    pub(crate) cx: &'a Context<'a>,
    pub(crate) resource: &'a Resource,
}

impl KindVersions<'_> {
    /// The resource in another version of its group. Of other groups that share its store
    /// upstream knows nothing here.
    fn sibling(&self, version: &str) -> Option<std::sync::Arc<Resource>> {
        let of = GroupVersion::parse(version)?;
        let catalog = self.cx.catalog;
        let found = catalog.resource(&of.group, &of.version, &self.resource.plural)?;
        let own = &self.resource.group_version;
        let is_own = found.storage == self.resource.storage && of.group == own.group;
        is_own.then_some(found)
    }

    fn convert_built_in(
        &self,
        object: &Map<String, Value>,
        into: &str,
    ) -> Result<Map<String, Value>, Unconverted> {
        if GroupVersion::parse(into).is_none() {
            let why = format!("unexpected GroupVersion string: {into}");
            return Err(Unconverted::Failed(why));
        }
        let sibling = self.sibling(into).ok_or(Unconverted::Missing)?;
        let mut object = Object::from_map(object.clone());
        let from = GroupVersion::parse(object.api_version()).ok_or(Unconverted::Missing)?;
        if let Some(source) = self.sibling(object.api_version()) {
            normalise::apply(object.as_map_mut(), &source.schema);
        }
        let strategy = self.registry.strategy(&sibling);
        let converted = strategy.convert(object, &from, &sibling);
        Ok(converted.as_map().clone())
    }

    /// By way of the version of the request, as upstream has it.
    fn convert_custom(
        &self,
        object: &Map<String, Value>,
        into: &str,
    ) -> Result<Map<String, Value>, Unconverted> {
        let target = reading::target(self.resource, object, into).map_err(Unconverted::Failed)?;
        let hub = self.resource.group_version.to_string();
        let is_asked = reading::has_webhook(self.resource);
        if !is_asked {
            let mut object = Object::from_map(object.clone());
            object.set_type(&target, &self.resource.kind);
            return Ok(object.as_map().clone());
        }
        let own = object.get("apiVersion").and_then(Value::as_str);
        if own == Some(hub.as_str()) || target == hub {
            return self.cx.conversions.get(object, &target);
        }
        let between = self.cx.conversions.get(object, &hub)?;
        self.cx.conversions.get(&between, &target)
    }
}

impl Versions for KindVersions<'_> {
    fn convert(
        &self,
        object: &Map<String, Value>,
        into: &str,
    ) -> Result<Map<String, Value>, Unconverted> {
        if self.resource.custom.is_some() {
            self.convert_custom(object, into)
        } else {
            self.convert_built_in(object, into)
        }
    }

    fn schema(&self, version: &str) -> Option<Schema> {
        if let Some(custom) = &self.resource.custom {
            let of = GroupVersion::parse(version)?;
            let is_own = of.group == self.resource.group_version.group;
            let known = custom.reading.versions.get(&*of.version);
            return known.filter(|_| is_own).map(|known| known.schema.clone());
        }
        self.sibling(version).map(|sibling| sibling.schema.clone())
    }
}

impl From<Pending> for ApiError {
    fn from(_: Pending) -> Self {
        Self::internal(ApplyError::Pending.to_string())
    }
}

impl Registry {
    /// Calls until no conversion is wanted any more.
    pub(crate) async fn when_converted<T>(
        &self,
        cx: &Context<'_>,
        call: &mut (dyn FnMut() -> Result<T, ApiError> + Send),
    ) -> Result<T, ApiError> {
        loop {
            let result = call();
            let Some(asked) = cx.conversions.wanted.lock().take() else {
                return result;
            };
            let object = Object::from_map(asked.object.clone());
            let answer = reading::ask(cx.resource, &object, &asked.into).await;
            let answer = answer.map(|object| object.as_map().clone());
            cx.conversions.done.lock().push((asked, answer));
        }
    }
}

/// What a client reads of an apply that fails for the versions it touches.
pub(crate) fn failed(why: String) -> ApiError {
    ApiError::new(Reason::Unknown, why)
}
