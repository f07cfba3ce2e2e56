//! Tokens that stand in secrets, for those who ask for one by a secret of that type.
//!
//! *Upstream:* `pkg/controller/serviceaccount/tokens_controller.go`.

use std::sync::{Arc, LazyLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::auth::service_account::{ServiceAccounts, legacy_claims};
use crate::object::Object;
use crate::runner::kinds::{SECRETS, SERVICE_ACCOUNTS};
use crate::runner::{Controller, Identity, Item, Items, Kind, Plan, Seen, Step, Watches, World};

/// The type of secrets that hold a token.
const TOKEN_TYPE: &str = "kubernetes.io/service-account-token";
const NAME: &str = "kubernetes.io/service-account.name";
const UID: &str = "kubernetes.io/service-account.uid";

/// See the module.
pub(crate) struct Tokens {
    root_certificate: String,
    accounts: ServiceAccounts,
}

impl Tokens {
    /// Makes tokens as the server does, which come with this certificate (PEM).
    pub(crate) fn new(root_certificate: String, accounts: ServiceAccounts) -> Self {
        Self {
            root_certificate,
            accounts,
        }
    }
}

impl Controller for Tokens {
    fn name(&self) -> &'static str {
        "serviceaccount-token-controller"
    }

    fn identity(&self) -> Identity {
        Identity::ControllerManager
    }

    fn watches(&self) -> Watches<'_> {
        static KINDS: LazyLock<[&Kind; 2]> = LazyLock::new(|| [&SERVICE_ACCOUNTS, &SECRETS]);
        Watches::Kinds(&*KINDS)
    }

    fn react(&mut self, world: &World, seen: &Seen, items: &mut Items) {
        let key = &seen.object.key;
        if seen.resource == SERVICE_ACCOUNTS.resource {
            // Its tokens, where it is gone or another one by now.
            for secret in tokens_of(world, key.namespace(), key.name()) {
                items.push(&SECRETS, secret.namespace(), secret.name());
            }
        } else if seen.parsed().text(&["type"]) == TOKEN_TYPE {
            items.add(&seen.resource, key);
        }
    }

    fn reconcile(&mut self, world: &World, item: &Item) -> Plan {
        let Some(secret) = world.object(item) else {
            return drop_references(world, item);
        };
        if secret.text(&["type"]) != TOKEN_TYPE {
            return Plan::nothing();
        }
        let (name, uid) = (annotation(&secret, NAME), annotation(&secret, UID));
        let account = world
            .get(&SERVICE_ACCOUNTS, secret.namespace(), &name)
            .filter(|account| uid.is_empty() || account.uid() == uid);
        match account {
            Some(account) => self.fill(&secret, &account),
            None if secret.is_being_deleted() => Plan::nothing(),
            None => Plan::of(Step::delete(&SECRETS, &secret).or_go_on()),
        }
    }
}

impl Tokens {
    /// Writes into a secret what is missing.
    fn fill(&self, secret: &Object, account: &Object) -> Plan {
        let encode = |text: &str| STANDARD.encode(text);
        let certificate = encode(&self.root_certificate);
        let needs_certificate =
            !self.root_certificate.is_empty() && secret.text(&["data", "ca.crt"]) != certificate;
        let needs_namespace = secret.text(&["data", "namespace"]).is_empty();
        let needs_token = secret.text(&["data", "token"]).is_empty();
        if !needs_certificate && !needs_namespace && !needs_token {
            return Plan::nothing();
        }
        let mut filled = secret.clone();
        if needs_certificate {
            filled.set(&["data", "ca.crt"], certificate);
        }
        if needs_namespace {
            filled.set(&["data", "namespace"], encode(secret.namespace()));
        }
        if needs_token {
            let claims = legacy_claims(
                secret.namespace(),
                (account.name(), account.uid()),
                secret.name(),
            );
            let Some(token) = self.accounts.sign(&claims) else {
                return Plan::nothing();
            };
            filled.set(&["data", "token"], encode(&token));
        }
        filled.set(&["metadata", "annotations", NAME], account.name());
        filled.set(&["metadata", "annotations", UID], account.uid());
        Plan::of(Step::update(&SECRETS, filled))
    }
}

/// Takes a secret that is gone off the accounts that name it.
fn drop_references(world: &World, item: &Item) -> Plan {
    let (namespace, name) = (item.key.namespace(), item.key.name());
    let mut plan = Plan::nothing();
    for account in world.list(&SERVICE_ACCOUNTS, namespace) {
        let secrets = account.items(&["secrets"]);
        if !secrets.iter().any(|one| one["name"] == name) {
            continue;
        }
        let left: Vec<_> = secrets.iter().filter(|one| one["name"] != name).collect();
        let left = json!(left);
        let mut account = Object::clone(&account);
        account.set(&["secrets"], left);
        plan.step(Step::update(&SERVICE_ACCOUNTS, account));
    }
    plan
}

fn tokens_of(world: &World, namespace: &str, account: &str) -> Vec<Arc<Object>> {
    let mut secrets = world.list(&SECRETS, namespace);
    secrets.retain(|secret| {
        secret.text(&["type"]) == TOKEN_TYPE && annotation(secret, NAME) == account
    });
    secrets
}

fn annotation(object: &Object, key: &str) -> String {
    object.text(&["metadata", "annotations", key]).to_owned()
}
