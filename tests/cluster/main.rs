//! Runs in shards under real engines: Slurm, Open MPI, GNU parallel over ssh, and the command line
//! of the manifest for Kubernetes. The scripts are those that ship with loadgen.
//!
//! It is a separate binary, because binaries run one after another: these runs need both
//! processors, and say how far apart their shards began.

mod engines;
mod kubernetes;
mod support;
