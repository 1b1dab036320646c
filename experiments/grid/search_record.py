"""What a search found, as a record and in words."""

from __future__ import annotations

from dataclasses import replace

from experiments.cli.options import Options
from experiments.grid.changes import search_recipe
from experiments.grid.entries import TableEntry
from experiments.grid.matrices import Profile
from experiments.grid.search_space import Search
from experiments.grid.states import ap_found
from experiments.recipes.recipe import steps
from experiments.records.run_folder import RunFolder
from experiments.records.search_schema import SearchRecord, SearchTrial
from experiments.runtime.commands import command_for_records
from experiments.runtime.console import say


def recorded(
    profile: Profile,
    search: Search,
    entries: dict[tuple[str, str], list[TableEntry]],
    kept: dict[tuple[str, str], SearchTrial],
    rounds: dict[tuple[str, str], int],
    images: tuple[int, int],
    options: Options,
) -> SearchRecord:
    """All trials as far as they went, and the choice for each method: the one setting that went to the end."""
    last = len(search.settings)
    made = {cell: _trial(cell, entries[cell][: count * search.unit], options) for cell, count in rounds.items()}
    made = {cell: replace(trial, chosen=rounds[cell] == last) for cell, trial in made.items()}
    trials = kept | made
    first = next(iter(entries.values()))[0]
    return SearchRecord(
        profile=profile.name,
        recipe=search_recipe(profile, options.overrides),
        command=command_for_records(),
        dataset=first.dataset,
        stands_for=first.stands_for,
        images=images,
        held_out=" ".join(search.set),
        rule=search.rule,
        steps=steps(first.recipe.schedule),
        trials=tuple(trials[cell] for cell in entries),
    )


def _trial(cell: tuple[str, str], seeds: list[TableEntry], options: Options) -> SearchTrial:
    runs = {entry.seed: entry.id for entry in seeds}
    aps = {seed: ap_found(RunFolder(options.runs / name)) for seed, name in runs.items()}
    return SearchTrial(*cell, runs, aps)


def say_chosen(record: SearchRecord) -> None:
    """The choices as lines for the profile's file."""
    for trial in record.trials:
        seeds = f"{len(trial.ap)} seed{'s' * (len(trial.ap) > 1)}"
        say(f"  {trial.method}, {trial.setting}: AP {trial.mean:.1f}, {seeds}{', chosen' * trial.chosen}")
    say(f"best mean over all methods: {record.common}")
    if record.at_the_edge:
        say(f"At the edge of what was searched: {', '.join(record.at_the_edge)}. The best may lie beyond.")
    print("methods:")
    for method, trial in record.chosen.items():
        print(f"  {method}: [{', '.join(trial.setting.split())}]")
