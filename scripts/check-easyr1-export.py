"""
Has EasyR1's own code read what `thinktab handoff easyr1` wrote:

    python3 scripts/check-easyr1-export.py EASYR1_DIR EXPORT_DIR [main|v0.3.1]

EASYR1_DIR is a checkout of https://github.com/hiyouga/EasyR1. Its configuration classes take the YAML (through OmegaConf
where that is installed, else by their fields and types), its data set class builds the messages of every row, its reward
manager loads the reward file and scores the gold answers. Packages that are not installed, such as torch, are stood in for
by empty ones: none of this needs them.
"""

import dataclasses
import importlib
import importlib.abc
import importlib.machinery
import json
import os
import sys
import types
import typing

PACKAGES = "verl verl.trainer verl.utils verl.workers verl.models verl.models.transformers verl.single_controller"


class Anything(type):
    """The class of stand-ins: they have every attribute, can be called, subscripted, joined and inherited from."""

    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return stand_in(name)

    def __call__(cls, *args, **kwargs):
        if not cls.__dict__.get("is_stand_in"):
            return super().__call__(*args, **kwargs)
        # A decorator gives back what it decorates.
        return args[0] if len(args) == 1 and not kwargs and callable(args[0]) else stand_in(cls.__name__)

    def __getitem__(cls, _):
        return cls

    def __or__(cls, _):
        return cls

    __ror__ = __or__


def stand_in(name):
    return Anything(name, (), {"is_stand_in": True})


class StandInModule(types.ModuleType):
    __path__ = []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return stand_in(name)


class StandIns(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Stands in for packages that are not installed."""

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "verl" or name.split(".")[0] in sys.stdlib_module_names:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        return StandInModule(spec.name)

    def exec_module(self, module):
        pass


def prepare(easyr1):
    for name in PACKAGES.split(" "):
        module = types.ModuleType(name)
        module.__path__ = [os.path.join(easyr1, *name.split("."))]
        sys.modules[name] = module
    sys.meta_path.append(StandIns())


def read_yaml(path):
    """The YAML that Thinktab writes: nested names, values in JSON's form."""
    try:
        import yaml

        if not isinstance(yaml, StandInModule):
            with open(path, encoding="utf-8") as file:
                return yaml.safe_load(file)
    except ImportError:
        pass
    root = {}
    levels = [(-1, root)]
    with open(path, encoding="utf-8") as file:
        for line in file.read().splitlines():
            indent = len(line) - len(line.lstrip(" "))
            name, _, rest = line.strip().partition(":")
            while levels[-1][0] >= indent:
                levels.pop()
            parent = levels[-1][1]
            rest = rest.strip()
            if rest == "" or rest.startswith("#"):
                parent[name] = {}
                levels.append((indent, parent[name]))
            else:
                parent[name], end = json.JSONDecoder().raw_decode(rest)
                if rest[end:].strip() and not rest[end:].strip().startswith("#"):
                    raise ValueError("%s: %s" % (path, line))
    return root


def fits(value, wanted):
    """Whether a value has a field's type, as OmegaConf would have it."""
    origin, parts = typing.get_origin(wanted), typing.get_args(wanted)
    if origin is typing.Union:
        return any(fits(value, part) for part in parts)
    if wanted is typing.Any:
        return True
    if wanted is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if wanted is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if origin is tuple:
        return isinstance(value, list)
    if origin is dict or wanted is dict:
        return isinstance(value, dict)
    return isinstance(value, wanted)


def fill(config, tree, path=""):
    """Sets the fields of a dataclass. An unknown name or a value of another type is an error."""
    wanted = typing.get_type_hints(type(config))
    known = {field.name: field for field in dataclasses.fields(config)}
    for name, value in tree.items():
        place = path + name
        if name not in known:
            raise KeyError("%s: EasyR1 has no such key" % place)
        current = getattr(config, name)
        if dataclasses.is_dataclass(current):
            fill(current, value, place + ".")
        elif not fits(value, wanted[name]):
            raise TypeError("%s: got %r, expected %s" % (place, value, wanted[name]))
        else:
            setattr(config, name, value)
    return config


def load_config(path):
    config = importlib.import_module("verl.trainer.config")
    try:
        from omegaconf import OmegaConf

        if not isinstance(sys.modules["omegaconf"], StandInModule):
            merged = OmegaConf.merge(OmegaConf.structured(config.PPOConfig()), OmegaConf.load(path))
            return OmegaConf.to_object(merged)
    except ImportError:
        pass
    return fill(config.PPOConfig(), read_yaml(path))


def check_rows(config, path):
    dataset = importlib.import_module("verl.utils.dataset")
    reader = dataset.RLHFDataset.__new__(dataset.RLHFDataset)
    for name in ("prompt_key", "answer_key", "image_key", "video_key", "image_dir"):
        setattr(reader, name, getattr(config.data, name, None))
    reader.format_prompt = None
    rows = 0
    with open(path, encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            rows += 1
            messages = reader._build_messages(dict(row))
            content = messages[0]["content"]
            marks = sum(1 for part in content if part["type"] == "image") if isinstance(content, list) else 0
            images = row.get(config.data.image_key, [])
            if marks != len(images):
                raise ValueError("%s row %d: %d markers, %d images" % (path, rows, marks, len(images)))
            for image in images:
                if not os.path.isfile(os.path.join(config.data.image_dir, image)):
                    raise FileNotFoundError("%s row %d: %s" % (path, rows, image))
            lists = [name for name, value in row.items() if isinstance(value, list) and name != config.data.image_key]
            if lists:
                raise ValueError("%s row %d: lists in %s, which EasyR1's collator breaks" % (path, rows, lists))
    return rows


def check_reward(config, path):
    function = importlib.import_module("verl.workers.reward.function")
    manager = getattr(function, "AutoRewardManager", None) or function.BatchFunctionRewardManager
    reward = manager(config.worker.reward, None).reward_fn
    with open(path, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    inputs = []
    for row in rows:
        gold = json.loads(row[config.data.answer_key])["gold"]
        response = "<think>why</think>\n<answer>%s</answer>" % gold
        inputs.append({"response": response, "response_length": 8, "ground_truth": row[config.data.answer_key]})
    scores = reward(inputs)
    if len(scores) != len(inputs) or any(type(value) is not float for score in scores for value in score.values()):
        raise ValueError("the reward did not give numbers for every row")
    right = sum(1 for score in scores if score["accuracy"] == 1 and not score["no_verdict"])
    return right, sum(1 for score in scores if score["no_verdict"]), len(scores)


def main():
    easyr1, export = (os.path.abspath(path) for path in sys.argv[1:3])
    targets = sys.argv[3:] or ["main"]
    prepare(easyr1)
    os.chdir(export)
    for target in targets:
        config = load_config("easyr1.%s.yaml" % target)
        config.deep_post_init()
        given = read_yaml("easyr1.%s.yaml" % target)["data"]
        for name in ("image_dir", "format_prompt"):
            if given[name] is not None and getattr(config.data, name) is None:
                raise FileNotFoundError("data.%s: %s" % (name, given[name]))
        if given["override_chat_template"] is not None and not config.data.override_chat_template:
            raise FileNotFoundError("data.override_chat_template")
        rows = [check_rows(config, path) for path in (config.data.train_files, config.data.val_files)]
        right, undecided, scored = check_reward(config, config.data.train_files)
        print(
            "%s: configuration read; %d and %d rows read; %d of %d gold answers right, %d without a verdict"
            % (target, rows[0], rows[1], right, scored, undecided)
        )


if __name__ == "__main__":
    main()
