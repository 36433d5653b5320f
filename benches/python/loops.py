# The loops of benches/vm/loops.rs in Python, as a Python programmer writes them.
# usage: python3 loops.py NAME N; prints the CPU seconds that the loop itself took.

import sys
import time

LOOPS = {}


def loop(name):
    def add(function):
        LOOPS[name] = function
        return function

    return add


class Parent:
    inherited = 7

    def noop(self, i):
        pass

    def fib2(self, n):
        if n < 2:
            return n
        return self.fib2(n - 1) + self.fib2(n - 2)


class Thing(Parent):
    def __init__(self):
        self.count = 0
        self.l = []

    def fib(self, n):
        if n < 2:
            return n
        return self.fib(n - 1) + self.fib(n - 2)


@loop("empty for")
def empty_for(this, n):
    for i in range(n):
        pass


@loop("while with add")
def while_with_add(this, n):
    i = 0
    while i < n:
        i = i + 1


@loop("fib by verb call")
def fib_by_verb_call(this, n):
    return this.fib(n)


@loop("fib by inherited verb")
def fib_by_inherited_verb(this, n):
    return this.fib2(n)


@loop("noop verb call")
def noop_verb_call(this, n):
    for i in range(n):
        this.noop(i)


@loop("list append to 1000")
def list_append_to_1000(this, n):
    for _ in range(n // 1000):
        items = []
        for i in range(1000):
            items.append(i)


@loop("list append to 10000")
def list_append_to_10000(this, n):
    for _ in range(n // 10000):
        items = []
        for i in range(10000):
            items.append(i)


@loop("list index")
def list_index(this, n):
    items, total = list(range(1, 1001)), 0
    for _ in range(n // 1000):
        for i in range(1000):
            total = total + items[i]
    return total


@loop("list set")
def list_set(this, n):
    items = list(range(1, 1001))
    for _ in range(n // 1000):
        for i in range(1000):
            items[i] = items[i] + 1


@loop("nested list set")
def nested_list_set(this, n):
    rows = [[0] * 10 for _ in range(100)]
    for turn in range(n // 1000):
        for i in range(100):
            for j in range(10):
                rows[i][j] = turn


@loop("list iteration")
def list_iteration(this, n):
    items, total = list(range(1, 1001)), 0
    for _ in range(n // 1000):
        for x in items:
            total = total + x
    return total


@loop("map set in 100")
def small_map_set(this, n):
    items = dict.fromkeys(range(1, 101), 0)
    for round in range(n // 100):
        for i in range(1, 101):
            items[i] = round


@loop("map get by a name in 1000")
def map_get_by_a_name_in_many(this, n):
    items = {f"name{i}": i for i in range(1, 1001)}
    keys = list(items)
    total = 0
    for round in range(n // 1000):
        for i in range(1000):
            total = total + items[keys[i]]


@loop("map iteration")
def map_iteration(this, n):
    items = {i: i for i in range(1, 1001)}
    total = 0
    for round in range(n // 1000):
        for key, value in items.items():
            total = total + key


@loop("string append")
def string_append(this, n):
    for _ in range(n // 20000):
        text = ""
        for i in range(20000):
            text = text + "x"


@loop("tostr append")
def tostr_append(this, n):
    for _ in range(n // 4000):
        text = ""
        for i in range(4000):
            text = f"{text}{i} "


@loop("property increment")
def property_increment(this, n):
    for i in range(n):
        this.count = this.count + 1


@loop("property get")
def property_get(this, n):
    for i in range(n):
        x = this.count


@loop("inherited property get")
def inherited_property_get(this, n):
    for i in range(n):
        x = this.inherited


@loop("property append to 1000")
def property_append_to_1000(this, n):
    for _ in range(n // 1000):
        this.l = []
        for i in range(1000):
            this.l.append(i)


@loop("length of a list")
def length_of_a_list(this, n):
    items = [1, 2, 3]
    for i in range(n):
        x = len(items)


@loop("caught error")
def caught_error(this, n):
    for i in range(n):
        try:
            x = 1 // 0
        except ZeroDivisionError:
            x = 0


@loop("string index")
def string_index(this, n):
    text = "abcdefghij" * 10
    for i in range(n):
        c = text[76]


@loop("setadd to 2000")
def setadd_to_2000(this, n):
    for _ in range(n // 2000):
        items = []
        for i in range(2000):
            if i not in items:
                items.append(i)


@loop("integer in a list of 100")
def integer_in_a_list(this, n):
    items = list(range(1, 101))
    for i in range(n):
        x = items.index(75)


@loop("string in a list of 100")
def string_in_a_list(this, n):
    items = [f"name{i}" for i in range(1, 101)]
    for i in range(n):
        x = items.index("name75")


@loop("text in a text of 200")
def text_in_a_text(this, n):
    text = "abcdefghij" * 20 + "needle"
    for i in range(n):
        x = text.find("needle")


@loop("substring")
def substring(this, n):
    text = "abcdefghij" * 10
    for i in range(n):
        c = text[20:50]


@loop("map set in 1000")
def map_set(this, n):
    for _ in range(n // 1000):
        items = {}
        for i in range(1000):
            items[i] = i


@loop("map get in 1000")
def map_get(this, n):
    items, total = {i: i for i in range(1000)}, 0
    for _ in range(n // 1000):
        for i in range(1000):
            total = total + items[i]
    return total


@loop("map get by a name in 20")
def map_get_by_a_name(this, n):
    items = {f"name{i}": i for i in range(1, 21)}
    for i in range(n):
        x = items["name15"]


run, n = LOOPS[sys.argv[1]], int(sys.argv[2])
started = time.process_time()
run(Thing(), n)
print(time.process_time() - started)
