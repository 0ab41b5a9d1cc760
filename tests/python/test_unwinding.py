"""Which exceptions propagate while a file is closed. No store is needed."""

import asyncio
import contextlib
import gc
import sys

import pytest
from cove.unwinding import OpenContext


class Closed:
    """A file that records at its close which exception propagates."""

    def __init__(self):
        self.opening, self.passing, self.dropped = OpenContext(), [], []

    def close(self, exited_normally=False):
        self.passing.append(self.opening.passing(exited_normally))
        self.dropped.append(self.opening.dropped())

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.close(exited_normally=kind is None)

    def record_of(self, other):
        self.passing, self.dropped = other.passing, other.dropped


def fail():
    raise ZeroDivisionError


# ---- an exception passes ----


def in_a_with_block(file):
    with file:
        fail()


def in_a_finally_block(file):
    try:
        fail()
    finally:
        file.close()


def by_a_function_of_a_finally_block(file):
    def end():
        with contextlib.suppress(KeyError):
            raise KeyError
        try:
            raise KeyError
        except KeyError:
            pass
        file.close()

    try:
        fail()
    finally:
        end()


def in_an_except_block_that_raises_again(file):
    try:
        fail()
    except ZeroDivisionError:
        file.close()
        raise


def in_an_except_block_that_raises_another(file):
    try:
        fail()
    except ZeroDivisionError as error:
        file.close()
        raise RuntimeError from error


def in_an_except_block_of_a_finally_block(file):
    try:
        fail()
    finally:
        try:
            raise KeyError
        except KeyError:
            file.close()


def closing(file):
    with contextlib.closing(file):
        fail()


def an_exit_stack(file):
    with contextlib.ExitStack() as stack:
        stack.callback(file.close)
        fail()


def a_generator_of_contextlib(file):
    @contextlib.contextmanager
    def opened():
        try:
            yield
        finally:
            file.close()

    with opened():
        fail()


def suppressed_further_out(file):
    with contextlib.suppress(ZeroDivisionError):
        with file:
            fail()


def a_generator_that_is_closed_early(file):
    def lines():
        with file:
            yield

    generator = lines()
    next(generator)
    generator.close()


def opened_in_a_handler_that_fails(file):
    try:
        raise KeyError
    except KeyError:
        with Closed() as inner:
            file.record_of(inner)
            fail()


def in_an_async_with_block(file):
    class Asynchronous:
        async def __aenter__(self):
            pass

        async def __aexit__(self, *_):
            await asyncio.sleep(0)
            file.close()

    async def main():
        async with Asynchronous():
            fail()

    asyncio.run(main())


def in_a_coroutine(file):
    async def close():
        await asyncio.sleep(0)
        file.close()

    async def main():
        try:
            fail()
        finally:
            await close()

    asyncio.run(main())


def an_exit_stack_that_a_finally_block_closes(file):
    """Its `close` passes no exception to the file."""
    stack = contextlib.ExitStack()
    stack.enter_context(file)
    try:
        fail()
    finally:
        stack.close()


def an_exit_stack_that_a_wrapper_closes(file):
    class Wrapper:
        def __enter__(self):
            self.stack = contextlib.ExitStack()
            self.stack.enter_context(file)

        def __exit__(self, *_):
            self.close()

        def close(self):
            self.stack.close()

    with Wrapper():
        fail()


def raised_again_inside_the_block_that_opened_it(file):
    try:
        fail()
    except ZeroDivisionError:
        inner = Closed()
        file.record_of(inner)
        try:
            raise
        finally:
            inner.close()


def in_an_except_block_that_a_finally_block_with_another_contains(file):
    """The older one passes the file: it came after the opening, and only the newer one has ended."""
    try:
        fail()
    finally:
        try:
            try:
                raise KeyError
            except KeyError:
                raise OSError
        except OSError:
            file.close()


PASSING = [
    in_a_with_block,
    in_a_finally_block,
    by_a_function_of_a_finally_block,
    in_an_except_block_that_raises_again,
    in_an_except_block_that_raises_another,
    in_an_except_block_of_a_finally_block,
    closing,
    an_exit_stack,
    a_generator_of_contextlib,
    suppressed_further_out,
    a_generator_that_is_closed_early,
    opened_in_a_handler_that_fails,
    in_an_async_with_block,
    in_a_coroutine,
    an_exit_stack_that_a_finally_block_closes,
    an_exit_stack_that_a_wrapper_closes,
    raised_again_inside_the_block_that_opened_it,
    in_an_except_block_that_a_finally_block_with_another_contains,
]


@pytest.mark.parametrize("way", PASSING, ids=lambda way: way.__name__)
def test_a_propagating_exception_is_found(way):
    file = Closed()
    with contextlib.suppress(ZeroDivisionError, RuntimeError):
        way(file)
    assert len(file.passing) == 1 and isinstance(file.passing[0], (ZeroDivisionError, GeneratorExit, KeyError)) and file.dropped == [False]


# ---- none passes ----


def without_an_exception(file):
    with file:
        pass


def in_a_finally_block_without_one(file):
    try:
        pass
    finally:
        file.close()


def after_one_that_was_caught_inside(file):
    with file:
        with contextlib.suppress(KeyError):
            raise KeyError
        try:
            raise KeyError
        except KeyError:
            pass


def in_an_except_block(file):
    try:
        fail()
    except ZeroDivisionError:
        file.close()


def in_an_except_block_with_more_after_it(file):
    for name in ("a", "b"):
        try:
            {}[name]
        except (KeyError, ValueError) as error:
            if str(error) != "'b'":
                continue
            try:
                file.close()
            except OSError:
                raise
            finally:
                str(error)
    return file


def by_a_function_of_an_except_block(file):
    def rotate():
        file.close()

    try:
        fail()
    except ZeroDivisionError:
        rotate()


def in_an_except_block_that_may_raise(file):
    try:
        fail()
    except ZeroDivisionError:
        file.close()
        if not file.passing:
            raise


def opened_in_an_except_block(file):
    try:
        fail()
    except ZeroDivisionError:
        with Closed() as inner:
            file.record_of(inner)


def opened_in_a_finally_block(file):
    try:
        fail()
    finally:
        with Closed() as inner:
            file.record_of(inner)


def opened_in_an_inner_except_block(file):
    try:
        fail()
    finally:
        try:
            raise KeyError
        except KeyError:
            inner = Closed()
        inner.close()
        file.record_of(inner)


def in_an_except_block_of_a_coroutine(file):
    async def close():
        await asyncio.sleep(0)
        file.close()

    async def main():
        try:
            fail()
        except ZeroDivisionError:
            await close()

    asyncio.run(main())


def suppressed_inside_an_exit_stack(file):
    with contextlib.ExitStack() as stack:
        stack.enter_context(file)
        stack.enter_context(contextlib.suppress(ZeroDivisionError))
        fail()


def suppressed_inside_an_asynchronous_exit_stack(file):
    class Asynchronous:
        async def __aenter__(self):
            pass

        async def __aexit__(self, kind, *_):
            file.close(exited_normally=kind is None)

    async def main():
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(Asynchronous())
            stack.enter_context(contextlib.suppress(ZeroDivisionError))
            fail()

    asyncio.run(main())


def caught_by_a_generator_in_a_with_block(file):
    @contextlib.contextmanager
    def opened():
        with file:
            try:
                yield
            except ZeroDivisionError:
                pass

    with opened():
        fail()


def caught_by_a_generator_that_closes_later(file):
    @contextlib.contextmanager
    def opened():
        try:
            yield
        except ZeroDivisionError:
            pass
        file.close()

    with opened():
        fail()


def caught_by_a_generator_that_closes_later_and_fails(file):
    @contextlib.contextmanager
    def opened():
        try:
            yield
        except ZeroDivisionError:
            pass
        file.close()
        raise RuntimeError

    with opened():
        fail()


def caught_by_an_asynchronous_generator(file):
    @contextlib.asynccontextmanager
    async def opened():
        with contextlib.closing(file):
            try:
                yield
            except ZeroDivisionError:
                await asyncio.sleep(0)

    async def main():
        async with opened():
            fail()

    asyncio.run(main())


def opened_in_a_finally_block_and_closed_in_an_except_block_of_it(file):
    try:
        fail()
    finally:
        inner = Closed()
        file.record_of(inner)
        try:
            raise KeyError
        except KeyError:
            inner.close()


def opened_in_a_finally_block_and_closed_after_an_exception_became_another(file):
    """One that was replaced by another isn't the one that the `finally` block raises again."""
    try:
        fail()
    finally:
        inner = Closed()
        file.record_of(inner)
        try:
            try:
                raise KeyError
            except KeyError:
                raise OSError
        except OSError:
            inner.close()


def opened_in_a_finally_block_and_closed_in_one_further_out(file):
    def inside():
        try:
            fail()
        finally:
            opened.append(Closed())
            file.record_of(opened[0])

    opened = []
    try:
        inside()
    finally:
        opened[0].close()


def in_an_except_block_without_an_end(file):
    try:
        fail()
    except ZeroDivisionError:
        while True:
            file.close()
            {}["x"]


def in_an_except_block_of_a_loop_with_blocks_around_it(file):
    with contextlib.nullcontext():
        for name in ("a", "b"):
            try:
                try:
                    fail()
                except ZeroDivisionError as error:
                    if name == "a":
                        continue
                    return str(error), file.close()
            finally:
                str(name)


EXCEPT_STAR = """
def {name}(file):
    try:
        {what}
    except* KeyError:
        pass
    except* ZeroDivisionError:
        file.close()
    except* OSError:
        pass
"""


ENDED = [
    without_an_exception,
    in_a_finally_block_without_one,
    after_one_that_was_caught_inside,
    in_an_except_block,
    in_an_except_block_with_more_after_it,
    by_a_function_of_an_except_block,
    in_an_except_block_that_may_raise,
    opened_in_an_except_block,
    opened_in_a_finally_block,
    opened_in_an_inner_except_block,
    in_an_except_block_of_a_coroutine,
    suppressed_inside_an_exit_stack,
    suppressed_inside_an_asynchronous_exit_stack,
    caught_by_a_generator_in_a_with_block,
    caught_by_a_generator_that_closes_later,
    caught_by_a_generator_that_closes_later_and_fails,
    caught_by_an_asynchronous_generator,
    opened_in_a_finally_block_and_closed_in_an_except_block_of_it,
    opened_in_a_finally_block_and_closed_after_an_exception_became_another,
    opened_in_a_finally_block_and_closed_in_one_further_out,
    in_an_except_block_without_an_end,
    in_an_except_block_of_a_loop_with_blocks_around_it,
]
if sys.version_info >= (3, 11):
    namespace = {"fail": fail}
    for name, what in (
        ("one_of_a_group_in_an_except_star_block", "raise ExceptionGroup('', [ZeroDivisionError(), KeyError()])"),
        ("one_in_an_except_star_block", "fail()"),
    ):
        exec(EXCEPT_STAR.format(name=name, what=what), namespace)
        ENDED.append(namespace[name])


@pytest.mark.parametrize("way", ENDED, ids=lambda way: way.__name__)
def test_no_propagating_exception_is_found(way):
    file = Closed()
    with contextlib.suppress(ZeroDivisionError, KeyError, RuntimeError):
        way(file)
    assert file.passing == [None] and file.dropped == [False]


# ---- finalizers ----


class Holder:
    def __init__(self, file):
        self.file = file

    def __del__(self):
        self.file.close()


def test_dropped_with_its_owner():
    file = Closed()
    holder = Holder(file)
    del holder
    gc.collect()
    assert file.dropped == [True]


def test_a_finalizer_may_write_a_file():
    class Writes:
        def __del__(self):
            with Closed() as file:
                made.append(file)

    made = []
    Writes()
    gc.collect()
    assert made[0].dropped == [False]
