//! What a world makes of its plan: for each operation, for each target, or once.

use std::path::Path;

use crate::base::Nanos;
use crate::engine::compiled::authenticator::Authenticator;
use crate::engine::compiled::base_url::BaseUrl;
use crate::engine::compiled::feed::Feeds;
use crate::engine::compiled::headers::TargetHeaders;
use crate::engine::compiled::request::Recipe;
use crate::engine::error::RunError;
use crate::engine::job::{Environment, SetupValues};
use crate::engine::schedule::source::Source;
use crate::engine::schedule::stop::Stop;
use crate::plan::{Operation, Plan, Target};
use crate::value::protobuf::Schema;
use crate::value::{Names, Scope, ValueError, from_raw};

/// Returns the names of a plan with the values that iterations start with.
pub(super) fn names(
    plan: &Plan,
    setup_values: &SetupValues,
    start: Option<Scope>,
) -> Result<Names, RunError> {
    let mut names = Names::new(&plan.names);
    for (name, value) in setup_values {
        names.set(name, from_raw(value).map_err(RunError::SetupValue)?);
    }
    Ok(names.starting(start))
}

/// Returns where the iterations of each load come from.
pub(super) fn sources(plan: &Plan, feeds: &Feeds) -> Vec<Source> {
    let loads = plan.loads();
    loads
        .map(|own| Source::new(&own, plan, feeds.logged()))
        .collect()
}

/// Returns the end of a run.
pub(super) fn stop(plan: &Plan) -> Stop {
    let load = &plan.load;
    let end = plan
        .duration()
        .map_or(Nanos::MAX, |time| load.warmup + time);
    Stop::new(end, load.graceful_stop)
}

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
