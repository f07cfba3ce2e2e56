//! The corridor: every request passes here, whoever makes it.

use std::sync::Arc;

use parking_lot::Mutex;

use super::context::{Context, Pools, Settings};
use super::meta::forms::Conversions;
use super::meta::names::check_path_segment;
use super::write::Writer;
use super::{Options, Printer, Request, Response, Strategy, Verb, subresources, verbs};
use crate::admission::Chain;
use crate::auth::{Access, Attributes};
use crate::error::{ApiError, Details, Reason};
use crate::object::GroupResource;
use crate::object::quote::quoted;
use crate::schema::{Catalog, Resource};
use crate::sim::{Clock, Entropy};
use crate::storage::{Reader, Recent, Store};
use crate::webhook::Caller;

/// What is special of each kind: plugged in by whoever builds the cluster.
pub trait Kinds: Send + Sync {
    /// The strategy of a resource; of one that nobody knows, the plain one.
    fn strategy(&self, resource: &GroupResource) -> &dyn Strategy;

    /// How a built-in kind prints; `autoscaling` `scale` is the scale face.
    fn printer(&self, resource: &GroupResource) -> &'static Printer;
}

/// What the API does.
pub struct Registry {
    /// The store, to read.
    pub reader: Arc<dyn Reader>,
    /// What is served.
    pub catalog: Arc<Catalog>,
    /// Time.
    pub clock: Clock,
    /// Chance.
    pub entropy: Arc<Entropy>,
    /// Settings that strategies ask for.
    pub settings: Settings,
    /// Who is who, and who may what.
    pub access: Access,
    /// The kinds' strategies.
    pub kinds: Arc<dyn Kinds>,
    /// Admission.
    pub admission: Chain,
    /// Values that are unique in the cluster.
    pub pools: Pools,
    /// Calls out of the cluster.
    pub webhooks: Arc<Caller>,
    /// What was written last, for whoever reads on.
    pub recent: Arc<Recent>,
    pub(super) writer: Writer,
}

impl Registry {
    /// A registry over a store.
    pub fn new(store: Arc<dyn Store>, catalog: Arc<Catalog>, kinds: Arc<dyn Kinds>) -> Self {
        Self {
            reader: Arc::clone(&store) as Arc<dyn Reader>,
            catalog,
            clock: Clock::wall(),
            entropy: Arc::new(Entropy::seeded(0)),
            settings: Settings::default(),
            access: Access::default(),
            kinds,
            admission: Chain::default(),
            pools: Pools::default(),
            webhooks: Arc::default(),
            recent: Arc::default(),
            writer: Writer::new(store),
        }
    }

    /// Answers a request.
    pub async fn handle(&self, request: &Request) -> Result<Response, ApiError> {
        let resource = self.look_up(request)?;
        check_scope(request, &resource)?;
        let options = match request.verb {
            Verb::Create | Verb::Update | Verb::Patch => Options::of(request)?,
            _ => Options::default(),
        };
        let cx = self.context(request, &resource, &options);
        if !resource.deprecation.is_empty() {
            cx.warn(resource.deprecation.as_ref());
        }
        let answer = if request.target.subresource.is_empty() {
            self.dispatch(&cx, request).await
        } else {
            subresources::handle(self, &cx, request).await
        };
        for (key, value) in cx.annotations.into_inner() {
            request.trail.annotate(&key, value);
        }
        let warnings = cx.warnings.into_inner();
        match answer {
            Ok(mut response) => {
                response.warnings.extend(warnings);
                Ok(response)
            }
            // Who finds no method there finds nobody to warn of anything.
            Err(error) if warnings.is_empty() || is_without_method(&error) => Err(error),
            Err(error) => Err(error.with_warnings(warnings)),
        }
    }

    fn look_up(&self, request: &Request) -> Result<Arc<Resource>, ApiError> {
        let target = &request.target;
        self.catalog
            .resource(&target.group, &target.version, &target.resource)
            .ok_or_else(ApiError::path_not_found)
    }

    /// The facts of a request.
    pub fn context<'a>(
        &'a self,
        request: &'a Request,
        resource: &'a Arc<Resource>,
        options: &'a Options,
    ) -> Context<'a> {
        Context {
            now: self.clock.now(),
            user: &request.user,
            user_agent: &request.user_agent,
            resource,
            subresource: &request.target.subresource,
            namespace: &request.target.namespace,
            name: &request.target.name,
            is_dry_run: options.is_dry_run,
            is_inner: options.is_inner,
            field_validation: options.field_validation,
            field_manager: &options.field_manager,
            reader: self.reader.as_ref(),
            catalog: &self.catalog,
            entropy: &self.entropy,
            settings: &self.settings,
            access: &self.access,
            pools: &self.pools,
            warnings: Mutex::new(Vec::new()),
            conversions: Conversions::default(),
            emptied: Mutex::default(),
            annotations: Mutex::default(),
        }
    }

    /// Whoever changes what is not there yet must be allowed to create it.
    ///
    /// *Upstream:* `apiserver/pkg/endpoints/handlers/update.go` (`withAuthorization`).
    pub(crate) async fn check_may_create(&self, cx: &Context<'_>) -> Result<(), ApiError> {
        let group_version = &cx.resource.group_version;
        let attributes = Attributes {
            verb: "create",
            is_resource: true,
            group: &group_version.group,
            version: &group_version.version,
            namespace: cx.namespace,
            resource: &cx.resource.plural,
            subresource: cx.subresource,
            name: cx.name,
            ..Attributes::default()
        };
        let authorizer = &cx.access.authorizer;
        authorizer.check(cx.reader, cx.user, &attributes).await
    }

    async fn dispatch(&self, cx: &Context<'_>, request: &Request) -> Result<Response, ApiError> {
        if !cx.resource.serves(request.verb.as_str()) {
            // To watch is to list in another way, as far as there is a list.
            if request.verb == Verb::Watch && cx.resource.serves("list") {
                let resource = cx.resource.group_resource();
                return Err(ApiError::method_not_allowed(&resource, "watch"));
            }
            return Err(method_not_allowed());
        }
        if matches!(request.verb, Verb::Get | Verb::Patch | Verb::Delete) {
            check_name(cx.name)?;
        }
        if let Some(connect) = self.strategy(cx.resource).acts() {
            return connect.call(self, cx, request).await;
        }
        subresources::check_refusal(cx)?;
        match request.verb {
            Verb::Get => verbs::get::get(self, cx, request).await,
            Verb::List => verbs::list::list(self, cx, request).await,
            Verb::Watch => verbs::watch::watch(self, cx, request).await,
            Verb::Create => verbs::create::create(self, cx, request).await,
            Verb::Update => verbs::update::update(self, cx, request).await,
            Verb::Patch => verbs::patch::patch(self, cx, request).await,
            Verb::Delete => verbs::delete::delete(self, cx, request).await,
            Verb::DeleteCollection => {
                verbs::delete_collection::delete_collection(self, cx, request).await
            }
        }
    }
}

/// Whether nothing more is said of a request than that its path has no such method.
fn is_without_method(error: &ApiError) -> bool {
    error.reason() == Reason::MethodNotAllowed && error.details() == Some(&Details::default())
}

/// A path must name a namespace exactly where the resource has one, but for lists and watches of
/// all namespaces.
fn check_scope(request: &Request, resource: &Resource) -> Result<(), ApiError> {
    let has_namespace = !request.target.namespace.is_empty();
    if !resource.is_namespaced {
        return if has_namespace {
            Err(ApiError::path_not_found())
        } else {
            Ok(())
        };
    }
    if has_namespace {
        return Ok(());
    }
    match request.verb {
        Verb::List | Verb::Watch if request.target.name.is_empty() => Ok(()),
        // The path of a built-in kind is there for those who list.
        Verb::Create | Verb::DeleteCollection
            if request.target.name.is_empty() && resource.custom.is_none() =>
        {
            Err(method_not_allowed())
        }
        _ => Err(ApiError::path_not_found()),
    }
}

/// Refuses a name that no object can have, since it is no segment of a path.
fn check_name(name: &str) -> Result<(), ApiError> {
    let wrong = check_path_segment(name);
    if wrong.is_empty() {
        return Ok(());
    }
    Err(ApiError::bad_request(format!(
        "Name parameter invalid: {}: {}",
        quoted(name),
        wrong.join(";")
    )))
}

/// The answer to a verb that a path knows nothing of.
pub fn method_not_allowed() -> ApiError {
    ApiError::new(
        Reason::MethodNotAllowed,
        "the server does not allow this method on the requested resource",
    )
    .with_details(Details::default())
}
