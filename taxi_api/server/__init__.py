"""The HTTP server: a worker class for gunicorn, around one event loop and llhttp's parser.

gunicorn's own ``gthread`` worker hands every connection from thread to thread and parses HTTP in Python, which costs
more than everything else in a prediction, and a client that sends slowly holds one of its few threads. Here a request
costs nothing but memory until it has arrived whole; what is quick is answered at once, the rest in threads.

A request's way: ``worker`` accepts its connection and waits on it, ``parser`` makes a WSGI environment of its bytes,
``exchange`` calls the app and makes bytes of the answer, ``connection`` keeps the order and the time limits.
"""

# In the environment of each request, two functions that take what an app need not do before its answer is sent: it is
# done once this turn's answers are,
LATER = "taxi_api.later"
# or within a quarter of a second, for what is cheaper the more there is of it.
SOON = "taxi_api.soon"
