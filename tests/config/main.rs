//! The configuration from the operator's view: files, variables, the command line, the schema and the reference.

#[cfg(test)]
mod authentik;
#[cfg(test)]
mod bad_files;
#[cfg(test)]
mod command_line;
#[cfg(test)]
mod environment;
#[cfg(test)]
mod good_files;
#[cfg(test)]
mod healthcheck;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod mutations;
#[cfg(test)]
mod support;
