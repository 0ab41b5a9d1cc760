"""Which exceptions propagate while a file is closed. No store is needed."""

import asyncio
import contextlib
import gc

import pytest
from cove.unwinding import OpenContext


class Closed:
    """A file that records at its close which exception propagates."""

    def __init__(self):
        self.opening, self.passing, self.dropped = OpenContext(), [], []

    def close(self):
        self.passing.append(self.opening.passing())
        self.dropped.append(self.opening.dropped())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


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
            file.passing = inner.passing
            file.dropped = inner.dropped
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


PASSING = [in_a_with_block, in_a_finally_block, by_a_function_of_a_finally_block, in_an_except_block_that_raises_again,
           in_an_except_block_that_raises_another, in_an_except_block_of_a_finally_block, closing, an_exit_stack, a_generator_of_contextlib,
           suppressed_further_out, a_generator_that_is_closed_early, opened_in_a_handler_that_fails, in_an_async_with_block, in_a_coroutine]


@pytest.mark.parametrize("way", PASSING, ids=lambda way: way.__name__)
def test_an_exception_passes(way):
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
            file.passing, file.dropped = inner.passing, inner.dropped


def opened_in_a_finally_block(file):
    try:
        fail()
    finally:
        with Closed() as inner:
            file.passing, file.dropped = inner.passing, inner.dropped


def opened_in_an_inner_except_block(file):
    try:
        fail()
    finally:
        try:
            raise KeyError
        except KeyError:
            inner = Closed()
        inner.close()
        file.passing, file.dropped = inner.passing, inner.dropped


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


ENDED = [without_an_exception, in_a_finally_block_without_one, after_one_that_was_caught_inside, in_an_except_block,
         in_an_except_block_with_more_after_it, by_a_function_of_an_except_block, in_an_except_block_that_may_raise, opened_in_an_except_block,
         opened_in_a_finally_block, opened_in_an_inner_except_block, in_an_except_block_of_a_coroutine]


@pytest.mark.parametrize("way", ENDED, ids=lambda way: way.__name__)
def test_none_passes(way):
    file = Closed()
    with contextlib.suppress(ZeroDivisionError):
        way(file)
    assert file.passing == [None] and file.dropped == [False]


# ---- finalizers ----


class Holder:
    def __init__(self, file):
        self.file = file

    def __del__(self):
        self.file.close()


def test_dropped_with_its_holder():
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
