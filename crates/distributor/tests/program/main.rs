//! A distributor's parts and a whole one, on a chain in memory.

mod config;
mod desk;
mod http;
mod rescue;
mod service;
mod settle;
mod shop;
mod store;
