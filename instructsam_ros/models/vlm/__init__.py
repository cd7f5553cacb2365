"""Chat models that see pictures and call tools: behind a server (``server``) or local (``local``).

Both are a ``chat.ChatModel``. Nothing here knows what the messages are about.
"""
