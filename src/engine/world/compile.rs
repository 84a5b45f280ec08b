//! What a world compiles of its plan, for each operation or target.

use std::path::Path;

use crate::engine::compiled::authenticator::Authenticator;
use crate::engine::compiled::base_url::BaseUrl;
use crate::engine::compiled::headers::TargetHeaders;
use crate::engine::compiled::request::Recipe;
use crate::engine::error::RunError;
use crate::engine::job::Environment;
use crate::plan::{Operation, Plan, Target};
use crate::value::protobuf::Schema;
use crate::value::{Names, ValueError};

/// Compiles something for each operation of a plan, by its id.
pub(super) fn for_each<T, E>(
    plan: &Plan,
    compile: impl Fn(&Operation) -> Result<T, E>,
) -> Result<Vec<T>, E> {
    plan.operations()
        .map(|(_, _, operation)| compile(operation))
        .collect()
}

/// Compiles the request of an operation, if it has one.
pub(super) fn request(
    plan: &Plan,
    operation: &Operation,
    base_urls: &[Option<BaseUrl>],
    names: &Names,
    folder: &Path,
    schemas: &[Option<Schema>],
    cores: usize,
) -> Result<Option<Recipe>, RunError> {
    let Some(request) = operation.action.profile().request else {
        return Ok(None);
    };
    let index = request.target;
    let target = plan.targets.get(index).ok_or(RunError::NoTarget(index))?;
    let base_url = base_urls[index].as_ref().ok_or(RunError::NoTarget(index))?;
    let base_url = &base_url.of_action(&operation.action);
    let schema = schemas[index].as_ref();
    let recipe = Recipe::new(request, target, base_url, names, folder, cores, schema)?;
    Ok(Some(recipe))
}

/// Compiles the headers of requests, by target.
pub(super) fn headers(
    plan: &Plan,
    base_urls: &[Option<BaseUrl>],
    names: &Names,
) -> Result<Vec<Option<TargetHeaders>>, RunError> {
    let of_target = |(target, base_url): (&Target, &Option<BaseUrl>)| {
        let headers = |base_url| TargetHeaders::new(target, base_url, names);
        Ok(base_url.as_ref().map(headers).transpose()?)
    };
    plan.targets.iter().zip(base_urls).map(of_target).collect()
}

/// Compiles what authenticates requests, by target.
pub(super) fn authenticators(
    plan: &Plan,
    names: &Names,
) -> Result<Vec<Option<Authenticator>>, ValueError> {
    let of_target = |target: &Target| {
        let auth = target.auth.as_ref();
        auth.map(|auth| Authenticator::new(auth, names)).transpose()
    };
    plan.targets.iter().map(of_target).collect()
}

/// Loads the services of the targets in use, by target.
pub(super) fn schemas(
    plan: &Plan,
    environment: &Environment,
) -> Result<Vec<Option<Schema>>, RunError> {
    let folder = &environment.folder;
    let of_target = |(index, target): (usize, &Target)| {
        let reached = environment.reached.get(index).and_then(Option::as_ref);
        let Some((grpc, reached)) = target.grpc.as_ref().zip(reached) else {
            return Ok(None);
        };
        let reflected = reached.descriptors.as_deref();
        Ok(Some(Schema::load(&grpc.schema, folder, reflected)?))
    };
    plan.targets.iter().enumerate().map(of_target).collect()
}
