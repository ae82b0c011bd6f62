# SPDX-License-Identifier: LGPL-2.1-or-later
"""
Programs of the distribution, compiled from their source packages as they were before their security
patches, and a live patch for each of those. All units become assembler files first: from these the
program is linked, and they are the "before" of each patch, so that both agree byte by byte.

Every patch is made for the program as it runs: the tree with this one fix; where that cannot be
applied alone, with those before it that touch the same files. What runs the programs is elsewhere.
"""

import glob
import importlib.machinery
import importlib.util
import json
import os
import re
import shutil

HERE = os.path.dirname(os.path.abspath(__file__))


def load_corpus():
    loader = importlib.machinery.SourceFileLoader("corpus", os.path.join(HERE, "corpus"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("corpus", loader))
    loader.exec_module(module)
    return module


corpus = load_corpus()


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def nginx_units(folder):
    return re.findall(r"^\t(?:\t-o \S+ \\\n\t\t)?(\S+\.c)$", read(f"{folder}/objs/Makefile"), re.M)


def redis_units(folder):
    makefile = read(f"{folder}/src/Makefile")
    objects = re.search(r"^REDIS_SERVER_OBJ=(.*)$", makefile, re.M).group(1).split()
    lua = glob.glob("deps/lua/src/*.c", root_dir=folder)
    programs = {f"deps/lua/src/{name}.c" for name in ("lua", "luac", "print")}
    hiredis = ("alloc", "async", "hiredis", "net", "read", "sds", "sockcompat")
    return [
        *(f"src/{name[:-2]}.c" for name in objects),
        *(unit for unit in lua if unit not in programs),
        *(f"deps/hiredis/{name}.c" for name in hiredis),
        "deps/linenoise/linenoise.c",
        "deps/hdr_histogram/hdr_histogram.c",
    ]


def curl_units(folder):
    return glob.glob("lib/**/*.c", root_dir=folder, recursive=True)


def found_libraries(folder):
    """What curl's configure has found on this system: more than is asked for."""
    path = f"{folder}/lib/Makefile"
    if not os.path.exists(path):
        return []
    return re.search(r"^LIBCURL_LIBS = (.*)$", read(path), re.M).group(1).split()


def zlib_units(folder):
    return glob.glob("*.c", root_dir=folder)


def sqlite3_units(folder):
    """Without the amalgamation, and without what belongs to the shell, to Tcl and to tests."""
    units = glob.glob("src/*.c", root_dir=folder)
    others = re.compile(r"src/(test|tcl|lempar|shell)")
    return [*(unit for unit in units if not others.match(unit)), "tsrc/parse.c", "tsrc/opcodes.c"]


# Libraries that the corpus does not have, in its way.
PACKAGES = corpus.PACKAGES | {
    "zlib": ("", "./configure", "-fPIC -D_LARGEFILE64_SOURCE=1 -DHAVE_HIDDEN", []),
    "sqlite3": (
        "tcl",
        "./configure && make .target_source",
        "-fPIC -I . -I src -I tsrc -D_HAVE_SQLITE_CONFIG_H -DBUILD_sqlite -DNDEBUG -DSQLITE_OS_UNIX=1 "
        "-DSQLITE_THREADSAFE=1",
        [],
    ),
}

# Fixes that a package has in its sources: they are beside this file, and are taken out first.
OLD_FIXES = {"zlib": ["zlib-CVE-2022-37434.patch"]}

# Which units, which flags beside those the corpus has, and how to link.
PROGRAMS = {
    "nginx": (nginx_units, "", "-pie -Wl,-E -ldl -pthread -lcrypt -lpcre2-8 -lssl -lcrypto -lz"),
    "redis": (
        redis_units,
        '-I deps -DHDR_MALLOC_INCLUDE="hdr_redis_malloc.h"',
        "-pie -rdynamic -lm -ldl -pthread -lrt",
    ),
    "curl": (
        curl_units,
        "",
        "-shared -Wl,-soname,libcurl.so.4 -Wl,-z,defs",
    ),
    "sqlite3": (sqlite3_units, "", "-shared -Wl,-soname,libsqlite3.so.0 -lm -ldl -pthread"),
    "zlib": (zlib_units, "", "-shared -Wl,-soname,libz.so.1"),
}


class Fix:
    """A security patch as a live patch: name, functions, file; or why there is none."""

    def __init__(self, name, functions, path, why=""):
        self.name, self.functions, self.path, self.why = name, functions, path, why


class Program:
    """A program, or library, at .path. What is made goes to @keep and is found there again."""

    def __init__(self, package, keep, archive, lcp, install=False):
        self.package, self.lcp = package, lcp
        self.keep = os.path.join(keep, package)
        self.path = os.path.join(self.keep, package)
        needed, self.prepare, flags, _ = PACKAGES[package]
        units, more, self.link_flags = PROGRAMS[package]
        wanted, self.answers = corpus.read_answers(self.find_answers())
        corpus.need_installed(needed.split(), install)
        self.source = os.path.join(self.keep, "source")
        if not os.path.exists(self.source):
            shutil.rmtree(self.keep, ignore_errors=True)
            os.makedirs(self.keep)
            self.fetch(archive(), wanted)
        self.tree = corpus.Tree(self.source, f"{flags} {more}", [], self.keep)
        self.names = self.tree.series()
        if not os.path.exists(self.path):
            self.link(units(self.source))
        with open(f"{self.keep}/units.json", encoding="utf-8") as file:
            known = json.load(file)
        self.old = known["paths"]
        self.tree.uses = {unit: set(uses) for unit, uses in known["uses"].items()}
        self.tree.count = 1

    def fetch(self, archive, wanted):
        """Get the sources as they were before the fixes."""
        folder, _ = archive.fetch(self.package, wanted)
        corpus.need("prepare", "sh", "-ec", self.prepare, cwd=folder)
        tree = corpus.Tree(folder, "", [], self.keep)
        self.names = tree.series()
        for name in self.before_fixes():
            tree.patch(name)
        for name in OLD_FIXES.get(self.package, []):
            shutil.copy(os.path.join(HERE, name), f"{folder}/debian/patches")
            corpus.need(name, "patch", "-R", "-p1", "-s", "-i", f"debian/patches/{name}", cwd=folder)
            with open(f"{folder}/debian/patches/series", "a", encoding="utf-8") as file:
                file.write(f"{name}\n")
        shutil.move(folder, self.source)

    def find_answers(self):
        """Answers are beside this file, or where the variable says there are more."""
        for folder in (os.environ.get("CORPUS", HERE), HERE):
            path = os.path.join(folder, f"{self.package}.json")
            if os.path.exists(path):
                return path
        raise corpus.Failure(f"no answers for {self.package}: where is CORPUS?")

    def before_fixes(self):
        for name in self.names:
            if os.path.basename(name) in self.answers:
                return
            yield name

    def link(self, units):
        self.tree.note_uses(units)
        paths = self.tree.compile(sorted(self.tree.uses))
        objects = [path[:-1] + "o" for path in paths.values()]
        pairs = list(zip(paths.values(), objects))
        corpus.in_parallel(lambda pair: corpus.need(pair[0], "gcc", "-c", pair[0], "-o", pair[1]), pairs)
        corpus.need("link", "gcc", "-Wl,--build-id", "-o", self.path + ".new", *objects,
                    *self.link_flags.split(), *found_libraries(self.source))
        for path in objects:
            os.unlink(path)
        known = {"paths": paths, "uses": {unit: sorted(uses) for unit, uses in self.tree.uses.items()}}
        with open(f"{self.keep}/units.json", "w", encoding="utf-8") as file:
            json.dump(known, file)
        os.rename(self.path + ".new", self.path)

    def try_patch(self, name, *more):
        command = ["patch", "-p1", "-s", "-f", *more, "-i", os.path.join("debian/patches", name)]
        return corpus.run(*command, cwd=self.source).returncode == 0

    def changes_layout(self, name):
        """No live patch holds that, nor anything that needs it."""
        return self.answers.get(os.path.basename(name), {}).get("verdict") == "D"

    def applied(self, name):
        """Apply a fix, those it needs before it: which ones now are, in that order."""
        if self.try_patch(name, "--dry-run"):
            self.tree.patch(name)
            return [name]
        first = len(list(self.before_fixes()))
        files = self.tree.touched(name)
        earlier = self.names[first:self.names.index(name)]
        wanted = [other for other in earlier if self.tree.touched(other) & files] + [name]
        done = []
        for other in wanted:
            if self.changes_layout(other) or not self.try_patch(other, "--dry-run"):
                self.taken_back(done)
                return []
            self.tree.patch(other)
            done.append(other)
        return done

    def taken_back(self, names):
        for name in reversed(names):
            if not self.try_patch(name, "-R"):
                raise corpus.Failure(f"{name} cannot be taken back")

    def fix(self, name):
        """The live patch for one of the fixes, made now or some time ago."""
        short = re.sub(r"\.patch$", "", os.path.basename(name))
        path = os.path.join(self.keep, f"{short}.kpatch")
        known = f"{path}.json"
        if not os.path.exists(known):
            made = self.make_fix(name, short, path)
            with open(known, "w", encoding="utf-8") as file:
                json.dump(made.__dict__, file)
        with open(known, encoding="utf-8") as file:
            return Fix(**json.load(file))

    def make_fix(self, name, short, path):
        names = self.applied(name)
        if not names:
            return Fix(short, [], None, "does not apply without others")
        try:
            chosen = self.tree.units_with(set().union(*map(self.tree.touched, names)))
            new = self.tree.compile(chosen)
        finally:
            self.taken_back(names)
        words = [word for unit in sorted(new) for word in ("--asm", self.old[unit], new[unit])]
        if not words:
            return Fix(short, [], None, "touches no unit of the program")
        said = corpus.run(self.lcp, "--json", "build", "--object", self.path, "--id", short, *words,
                          "-o", path)
        for made in new.values():
            os.unlink(made)
        try:
            result = json.loads(said.stdout)
        except json.JSONDecodeError as failure:
            raise corpus.Failure(f"{name}: {said.stderr.strip()}") from failure
        if result["outcome"] != "built":
            return Fix(short, [], None, result["outcome"])
        return Fix(short, [function["name"] for function in result["patch"]["functions"]], path)

    def fixes(self, wanted=None):
        """The fixes of bodies of functions, of functions that are new, or the ones @wanted."""
        made = []
        for name in self.names:
            answer = self.answers.get(os.path.basename(name))
            if not answer or answer["verdict"] not in "AB" or not answer["changed"]:
                continue
            if wanted and not any(word in name for word in wanted):
                continue
            made.append(self.fix(name))
        return made
