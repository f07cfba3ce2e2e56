//! Who is believed about tokens of other issuers: the flags for one, and a file for several.
//!
//! *Upstream:* `pkg/kubeapiserver/options/authentication.go`.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::Fault;
use super::files::{configuration, read};
use crate::auth::jwt::{self, ALGORITHMS};
use crate::cluster::Builder;

const FLAG: &str = "--authentication-config";

/// Flags about issuers, under kube-apiserver's names.
#[derive(Debug, Args)]
pub(super) struct Issuers {
    /// Issuers whose tokens are believed, and paths that anybody may ask for: an
    /// AuthenticationConfiguration
    #[arg(long, value_name = "FILE", conflicts_with = "oidc_issuer_url")]
    authentication_config: Option<PathBuf>,
    /// Believe tokens of this OpenID Connect issuer
    #[arg(long, value_name = "URL", requires = "oidc_client_id")]
    oidc_issuer_url: Option<String>,
    /// For whom its tokens must be meant
    #[arg(long, value_name = "NAME", requires = "oidc_issuer_url")]
    oidc_client_id: Option<String>,
    /// Authorities that its certificate is believed by (PEM)
    #[arg(long, value_name = "FILE", requires = "oidc_issuer_url")]
    oidc_ca_file: Option<PathBuf>,
    /// Claim that is the user's name
    #[arg(long, value_name = "CLAIM", default_value = "sub")]
    oidc_username_claim: String,
    /// What names begin with; the issuer and # where left out (but for email), - for nothing
    #[arg(long, value_name = "PREFIX", requires = "oidc_issuer_url")]
    oidc_username_prefix: Option<String>,
    /// Claim with the user's groups
    #[arg(long, value_name = "CLAIM", requires = "oidc_issuer_url")]
    oidc_groups_claim: Option<String>,
    /// What groups begin with
    #[arg(long, value_name = "PREFIX", requires = "oidc_issuer_url")]
    oidc_groups_prefix: Option<String>,
    /// Algorithms by which tokens may be signed
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        default_value = "RS256"
    )]
    oidc_signing_algs: Vec<String>,
    /// A claim and the value it must have; may be given several times
    #[arg(long, value_name = "CLAIM=VALUE", requires = "oidc_issuer_url")]
    oidc_required_claim: Vec<String>,
}

impl Issuers {
    /// The cluster that the flags describe. `taken`: issuers of service accounts' tokens.
    pub(super) fn apply(&self, builder: Builder, taken: &[String]) -> Result<Builder, Fault> {
        if let Some(path) = &self.authentication_config {
            return configured(builder, path, taken);
        }
        let (Some(url), Some(client)) = (&self.oidc_issuer_url, &self.oidc_client_id) else {
            return Ok(builder);
        };
        let known = |name: &&String| ALGORITHMS.contains(&name.as_str());
        if let Some(name) = self.oidc_signing_algs.iter().find(|name| !known(name)) {
            let why = format!("--oidc-signing-algs: unsupported signing alg: {name:?}");
            return Err(Fault::usage(why));
        }
        let entry = self.described(url, client)?;
        let mut issuers = jwt::settings(&[entry], taken)
            .map_err(|errors| Fault::usage(format!("--oidc-*: {}", listed(&errors))))?;
        for issuer in &mut issuers {
            issuer.algorithms.clone_from(&self.oidc_signing_algs);
        }
        Ok(builder.issuers(issuers))
    }

    /// The flags as an entry of a file.
    fn described(&self, url: &str, client: &str) -> Result<Value, Fault> {
        let prefix = match self.oidc_username_prefix.as_deref() {
            None | Some("") if self.oidc_username_claim == "email" => String::new(),
            // Names of different issuers do not meet, unless one says so.
            None | Some("") => format!("{url}#"),
            Some("-") => String::new(),
            Some(prefix) => prefix.to_owned(),
        };
        let username = json!({"claim": self.oidc_username_claim, "prefix": prefix});
        let mut entry = json!({
            "issuer": {"url": url, "audiences": [client]},
            "claimMappings": {"username": username},
        });
        if let Some(path) = &self.oidc_ca_file {
            entry["issuer"]["certificateAuthority"] = read("--oidc-ca-file", path)?.into();
        }
        if let Some(claim) = &self.oidc_groups_claim {
            let prefix = self.oidc_groups_prefix.as_deref().unwrap_or("");
            entry["claimMappings"]["groups"] = json!({"claim": claim, "prefix": prefix});
        }
        let mut rules = Vec::new();
        for required in &self.oidc_required_claim {
            let parts = required.split_once('=').ok_or_else(|| {
                Fault::usage(format!(
                    "--oidc-required-claim {required:?}: expected CLAIM=VALUE"
                ))
            });
            let (claim, value) = parts?;
            rules.push(json!({"claim": claim, "requiredValue": value}));
        }
        entry["claimValidationRules"] = rules.into();
        Ok(entry)
    }
}

/// What a file says.
fn configured(builder: Builder, path: &Path, taken: &[String]) -> Result<Builder, Fault> {
    let file = configuration(FLAG, path, "AuthenticationConfiguration")?;
    let wrong = |why: String| Fault::usage(format!("{}: {why}", path.display()));
    let list = file["jwt"].as_array().map_or(&[][..], Vec::as_slice);
    let issuers = jwt::settings(list, taken).map_err(|errors| wrong(listed(&errors)))?;
    let builder = builder.issuers(issuers);
    let anonymous = &file["anonymous"];
    if !anonymous.is_object() {
        return Ok(builder);
    }
    let conditions = anonymous["conditions"].as_array();
    let paths: Vec<String> = conditions
        .into_iter()
        .flatten()
        .map(|condition| condition["path"].as_str().unwrap_or("").to_owned())
        .collect();
    let is_enabled = anonymous["enabled"] == true;
    if !is_enabled && !paths.is_empty() {
        let why = "anonymous.conditions: Invalid value: enabled should be set to true when \
                   conditions are defined";
        return Err(wrong(why.to_owned()));
    }
    Ok(builder.anonymous_auth(is_enabled).anonymous_paths(paths))
}

fn listed(errors: &crate::error::FieldErrors) -> String {
    let lines: Vec<String> = errors
        .iter()
        .map(|error| format!("{}: {}", error.field, error.body()))
        .collect();
    lines.join(", ")
}
