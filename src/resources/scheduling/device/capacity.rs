//! How much of a device's capacity one may ask for.
//!
//! *Upstream:* `pkg/apis/resource/validation/validation.go` (`validateRequestPolicy`).

use serde_json::Value;

use crate::error::FieldErrors;
use crate::object::FieldPath;
use crate::object::quantity::Quantity;
use crate::resources::shared::look::Look;

const VALUES_MAX: usize = 10;

/// Everything that is wrong with what may be asked for of a capacity.
pub(super) fn policy(errors: &mut FieldErrors, path: &FieldPath, capacity: &Value) {
    let path = path.child("requestPolicy");
    let Some(policy) = capacity.maybe("requestPolicy") else {
        return;
    };
    let most = Quantity::from_json(capacity.at("value")).unwrap_or(Quantity::ZERO);
    let values = policy.list("validValues");
    let range = policy.maybe("validRange");
    let default = Quantity::from_json(policy.at("default"));
    let default_path = path.child("default");
    match (values.is_empty(), range, default) {
        (false, Some(_), _) => {
            let detail = "exactly one policy can be specified, cannot specify \"validValues\" and \
                          \"validRange\" at the same time";
            errors.forbidden(&path, detail);
        }
        (false, None, None) => {
            errors.required(&default_path, "required when validValues is defined");
        }
        (true, Some(_), None) => {
            errors.required(&default_path, "required when validRange is defined");
        }
        (false, None, Some(default)) => {
            self::values(errors, &path.child("validValues"), values, &default, &most);
        }
        (true, Some(range), Some(default)) => {
            self::range(errors, &path.child("validRange"), range, &default, &most);
        }
        (true, None, _) => {}
    }
}

fn invalid(errors: &mut FieldErrors, path: &FieldPath, value: &Quantity, detail: String) {
    errors.invalid(path, &value.to_string().into(), detail);
}

fn values(
    errors: &mut FieldErrors,
    path: &FieldPath,
    values: &[Value],
    default: &Quantity,
    most: &Quantity,
) {
    let values: Vec<Quantity> = values.iter().filter_map(Quantity::from_json).collect();
    for (index, pair) in values.windows(2).enumerate() {
        if pair[0] > pair[1] {
            let detail = "values must be sorted in ascending order".to_owned();
            invalid(errors, &path.index(index + 1), &pair[1], detail);
        }
    }
    if values.len() > VALUES_MAX {
        errors.too_many(path, values.len(), VALUES_MAX);
    } else {
        for (index, value) in values.iter().enumerate() {
            if value > most {
                let detail = format!("option is larger than capacity value: {most}");
                invalid(errors, &path.index(index), value, detail);
            }
        }
        for (index, value) in values.iter().enumerate() {
            if values[..index].contains(value) {
                errors.duplicate(&path.index(index), &value.to_string().into());
            }
        }
    }
    if !values.contains(default) || values.len() > VALUES_MAX {
        let detail = "default value is not valid according to the requestPolicy".to_owned();
        invalid(errors, path, default, detail);
    }
}

fn range(
    errors: &mut FieldErrors,
    path: &FieldPath,
    range: &Value,
    default: &Quantity,
    most: &Quantity,
) {
    let bound = |field| Quantity::from_json(range.at(field));
    let (max, step) = (bound("max"), bound("step"));
    let Some(min) = bound("min") else {
        errors.required(&path.child("min"), "required when validRange is defined");
        return;
    };
    if min > *most {
        let detail = format!("min is larger than capacity value: {most}");
        invalid(errors, &path.child("min"), &min, detail);
    }
    if *default < min {
        let detail = format!("default is less than min: {min}");
        invalid(errors, &path.child("default"), default, detail);
    }
    if let Some(max) = &max {
        let max_path = path.child("max");
        if min > *max {
            let detail = format!("min is larger than max: {max}");
            invalid(errors, &max_path, &min, detail);
        }
        if max > most {
            let detail = format!("max is larger than capacity value: {most}");
            invalid(errors, &max_path, max, detail);
        }
        if default > max {
            let detail = format!("default is more than max: {max}");
            invalid(errors, &path.child("default"), default, detail);
        }
    }
    if let Some(step) = &step {
        self::step(
            errors,
            path,
            step,
            [Some(default), Some(&min), max.as_ref()],
            most,
        );
    }
}

/// A step leads from the least to the default and to the most. `bounds`: default, min and max.
fn step(
    errors: &mut FieldErrors,
    path: &FieldPath,
    step: &Quantity,
    bounds: [Option<&Quantity>; 3],
    most: &Quantity,
) {
    let step_path = path.child("step");
    let [default, min, max] = bounds;
    let Some(min) = min else { return };
    let all = [
        ("default", default),
        ("min", Some(min)),
        ("max", max),
        ("step", Some(step)),
    ];
    let all = || {
        all.iter()
            .filter_map(|(name, value)| Some((*name, (*value)?)))
    };
    // In thousandths wherever anything has a fraction.
    let is_milli = all().any(|(_, value)| value.as_i64().is_none() && *value < huge());
    let number = |value: &Quantity| {
        if is_milli {
            value.milli_value()
        } else {
            value.value()
        }
    };
    let mut is_safe = true;
    if is_milli {
        for (name, value) in all() {
            if Quantity::from_milli(value.milli_value(), value.format()) != *value {
                let detail = "value cannot be represented as a milli value".to_owned();
                invalid(errors, &path.child(name), value, detail);
                is_safe = false;
            }
        }
        if !is_safe {
            return;
        }
    }
    if step.is_zero() || step.is_negative() {
        invalid(
            errors,
            &step_path,
            step,
            "must be greater than zero".to_owned(),
        );
        return;
    }
    let mut once = min.clone();
    once.add(step);
    if once > *most {
        let detail = format!("one step {once} is larger than capacity value: {most}");
        invalid(errors, &step_path, step, detail);
    }
    if !is_milli {
        for (name, value) in all() {
            let detail = if value.is_negative() {
                "must be greater than or equal to 0"
            } else if *value > huge() {
                "must not be larger than 9223372036854775807"
            } else {
                continue;
            };
            invalid(errors, &path.child(name), value, detail.to_owned());
            is_safe = false;
        }
    }
    for value in [default, max].into_iter().flatten().filter(|_| is_safe) {
        if (i128::from(number(value)) - i128::from(number(min))) % i128::from(number(step)) != 0 {
            let detail = format!("value is not a multiple of a given step ({step}) from ({min})");
            invalid(errors, &step_path, value, detail);
        }
    }
}

/// The largest number that Go counts with.
fn huge() -> Quantity {
    Quantity::new(i64::MAX, crate::object::quantity::Format::DecimalSi)
}
