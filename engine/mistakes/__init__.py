"""The common mistakes of people who design networks: what is recognised in them, and the edits that mend them.

A recogniser looks at a broken node and proposes fixes; a doubt finds what runs but cannot be meant. A proposal is
offered only where a trial shows that it works, so a recogniser may propose freely.
"""
