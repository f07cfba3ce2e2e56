//! Questions about what someone may do.
//!
//! *Upstream:* `apiserver/pkg/cel/library/authz.go`.

use crate::cel::admission::authorizer::{Asked, Check, Question, Target};
use crate::cel::eval::{Failure, Outcome};
use crate::cel::value::Value;
use crate::object::label_syntax;

/// The result of a function of an authorizer; `None` where it is none.
pub(super) fn call<'a>(name: &str, values: &[Value<'a>]) -> Option<Outcome<'a>> {
    let (Value::Question(question), texts) = values.split_first()? else {
        return None;
    };
    let texts: Vec<&str> = texts
        .iter()
        .map(|value| match value {
            Value::String(text) => Some(text.as_ref()),
            _ => None,
        })
        .collect::<Option<_>>()?;
    let found = match (name, question.as_ref(), texts.as_slice()) {
        ("path", Question::Authorizer(_), [path]) if path.trim().is_empty() => {
            return Some(Err(Failure::new("path must not be empty")));
        }
        ("path", Question::Authorizer(asked), [path]) => {
            Question::Check(asked.clone(), Target::Path((*path).to_owned()))
        }
        ("group", Question::Authorizer(asked), [group]) => {
            Question::Group(asked.clone(), (*group).to_owned())
        }
        ("serviceAccount", Question::Authorizer(asked), [namespace, name]) => {
            match service_account(asked, namespace, name) {
                Ok(asked) => Question::Authorizer(asked),
                Err(failure) => return Some(Err(failure)),
            }
        }
        ("resource", Question::Group(..), [resource]) if resource.trim().is_empty() => {
            return Some(Err(Failure::new("resource must not be empty")));
        }
        ("resource", Question::Group(asked, group), [resource]) => {
            Question::Check(asked.clone(), Target::resource(group, resource))
        }
        ("check", Question::Check(asked, target), [verb]) => {
            let check = Check {
                service_account: asked.service_account.clone(),
                target: target.clone(),
                verb: (*verb).to_owned(),
            };
            Question::Decision(asked.authorizer.authorize(&check))
        }
        (part, Question::Check(asked, target), [text]) => {
            let mut target = target.clone();
            (*text).clone_into(target.part(part)?);
            Question::Check(asked.clone(), target)
        }
        (name, Question::Decision(decision), []) => {
            return Some(Ok(match name {
                "allowed" => Value::Bool(decision.is_allowed),
                "reason" => Value::text(decision.reason.as_str()),
                "errored" => Value::Bool(decision.error.is_some()),
                "error" => Value::text(decision.error.clone().unwrap_or_default()),
                _ => return None,
            }));
        }
        _ => return None,
    };
    Some(Ok(Value::question(found)))
}

fn service_account<'a>(
    asked: &Asked<'a>,
    namespace: &str,
    name: &str,
) -> Result<Asked<'a>, Failure> {
    if !label_syntax::subdomain_errors(name).is_empty() {
        return Err(Failure::new("Invalid service account name"));
    }
    if !label_syntax::is_dns_label(namespace) {
        return Err(Failure::new("Invalid service account namespace"));
    }
    Ok(Asked {
        authorizer: asked.authorizer,
        service_account: Some((namespace.to_owned(), name.to_owned())),
    })
}
