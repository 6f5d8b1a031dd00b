mod avoidance;
mod dual;
mod dual_pages;
mod faults;
mod hall;
mod pages;
mod product;
mod rules;
